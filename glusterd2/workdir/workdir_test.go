package workdir

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// rig is a view over a store of its own.
type rig struct {
	*testing.T
	store *store.Store
	view  *View
	log   *strings.Builder
	dir   string
	asked int // for volfiles
	pool  map[string]string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	table, err := xlator.Load()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, store: storetest.Open(t, storetest.NewConfig(t, storetest.NewAuthority(t), "p1")), log: &strings.Builder{}, dir: filepath.Join(t.TempDir(), "glusterd")}
	log := logrus.New()
	log.SetOutput(io.MultiWriter(r.log))
	r.view = New(Config{Dir: r.dir, PeerID: "p1", Store: r.store, Table: table, PoolOptions: func() map[string]string { return r.pool },
		Volfile: func(key string, trusted bool) (string, error) {
			r.asked++
			if trusted {
				return "trusted " + key + "\n", nil
			}
			return key + "\n", nil
		}, Log: logrus.NewEntry(log)})
	storetest.WaitReady(t, r.store)
	r.commit(peer.Records.Create("p1", &peer.Peer{ID: "p1", Host: "node1"}), peer.Records.Create("p2", &peer.Peer{ID: "p2", Host: "node2"}))
	return r
}

func (r *rig) commit(writes ...store.Write) {
	r.Helper()
	rev, err := r.store.Commit(r.Context(), writes)
	if err == nil {
		err = r.store.WaitRevision(r.Context(), rev)
	}
	if err != nil {
		r.Fatal(err)
	}
}

// gv is a volume of a brick on each peer.
func gv(name string, state volume.State) *volume.Volume {
	return &volume.Volume{ID: "id-of-" + name, Name: name, State: state, Options: map[string]string{"nfs.disable": "on"}, Subvols: []volume.Subvol{
		{Type: api.SubvolReplicate, Replica: 2, Bricks: []volume.Brick{{ID: "a", PeerID: "p1", Path: "/b/1"}, {ID: "b", PeerID: "p2", Path: "/b/2", Client: 1}}}}}
}

// update changes a volume's record.
func (r *rig) update(v *volume.Volume) {
	r.Helper()
	rec, _, err := volume.Records.Get(r.store, v.Name)
	if err != nil {
		r.Fatal(err)
	}
	r.commit(volume.Records.Update(v.Name, v, rec.Revision))
}

// tree lists all files below the directory but those of hooks.
func (r *rig) tree() []string {
	r.Helper()
	var out []string
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if name, _ := filepath.Rel(r.dir, path); err == nil && !d.IsDir() && !strings.HasPrefix(name, "hooks") {
			out = append(out, name)
		}
		return err
	})
	if err != nil {
		r.Fatal(err)
	}
	return out
}

func (r *rig) text(name string) string {
	r.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.Fatal(err)
	}
	return string(text)
}

func (r *rig) holds(name, want string) {
	r.Helper()
	if text := r.text(name); !strings.Contains("\n"+text, "\n"+want+"\n") {
		r.Errorf("%s does not hold the line %q:\n%s", name, want, text)
	}
}

func TestView(t *testing.T) {
	r := newRig(t)
	r.commit(volume.Records.Create("gv", gv("gv", volume.Started)))
	if !r.view.turn() {
		t.Fatal(r.log)
	}
	want := []string{".glusterd2", "glusterd.info", "options", "peers/p2", "vols/gv/.glusterd2", "vols/gv/bricks/node1:-b-1", "vols/gv/bricks/node2:-b-2",
		"vols/gv/gv-rebalance.vol", "vols/gv/gv-shd.vol", "vols/gv/gv.node1.b-1.vol", "vols/gv/gv.node2.b-2.vol", "vols/gv/gv.tcp-fuse.vol",
		"vols/gv/info", "vols/gv/trusted-gv.tcp-fuse.vol"}
	if got := r.tree(); !slices.Equal(got, want) {
		t.Errorf("files\n%q\nwant\n%q", got, want)
	}
	for name, line := range map[string]string{
		"glusterd.info": "UUID=p1", "peers/p2": "hostname1=node2", "options": "global-option-version=0", "vols/gv/info": "brick-1=node2:-b-2",
		"vols/gv/gv.tcp-fuse.vol": "gv", "vols/gv/trusted-gv.tcp-fuse.vol": "trusted gv", "vols/gv/gv.node1.b-1.vol": "trusted gv.node1.b-1",
	} {
		r.holds(name, line)
	}
	info, err := os.Stat(filepath.Join(r.dir, "vols/gv/info"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("credentials are in a file of mode %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "hooks/1/start/post")); err != nil {
		t.Error(err)
	}
}

// What has not changed is not even made again; what a volume has no more goes, and what others put there stays.
func TestViewFollows(t *testing.T) {
	r := newRig(t)
	r.commit(volume.Records.Create("gv", gv("gv", volume.Created)), volume.Records.Create("other", gv("other", volume.Created)))
	r.view.turn()
	before, asked := r.stat("vols/other/info"), r.asked
	mine := filepath.Join(r.dir, "vols/gv/notes")
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	v := gv("gv", volume.Stopped)
	v.Subvols[0] = volume.Subvol{Type: api.SubvolDistribute, Replica: 1, Bricks: v.Subvols[0].Bricks[:1]}
	r.update(v)
	if !r.view.turn() {
		t.Fatal(r.log)
	}
	want := []string{".glusterd2", "bricks/node1:-b-1", "gv-rebalance.vol", "gv.node1.b-1.vol", "gv.tcp-fuse.vol", "info", "notes", "trusted-gv.tcp-fuse.vol"}
	got := slices.DeleteFunc(r.tree(), func(n string) bool { return !strings.HasPrefix(n, "vols/gv/") })
	for i := range want {
		want[i] = "vols/gv/" + want[i]
	}
	if !slices.Equal(got, want) {
		t.Errorf("files\n%q\nwant\n%q", got, want)
	}
	r.holds("vols/gv/info", "status=2")
	if r.asked-asked != 4 || !os.SameFile(before, r.stat("vols/other/info")) {
		t.Errorf("%d volfiles were made for a volume that has four", r.asked-asked)
	}
	r.pool = map[string]string{"cluster.brick-multiplex": "on"}
	rec, _, err := volume.Records.Get(r.store, "gv")
	if err != nil {
		t.Fatal(err)
	}
	r.commit(volume.Records.Delete("gv", rec.Revision))
	r.view.turn()
	r.holds("options", "cluster.brick-multiplex=on")
	if _, err := os.Stat(filepath.Join(r.dir, "vols/gv")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of a volume that is gone: %v", err)
	}
}

func (r *rig) stat(name string) fs.FileInfo {
	r.Helper()
	info, err := os.Stat(filepath.Join(r.dir, name))
	if err != nil {
		r.Fatal(err)
	}
	return info
}

// A directory that glusterd or another peer has written is left as it is, and the log says what to do.
func TestForeign(t *testing.T) {
	for name, says := range map[string]string{
		"glusterd.info": "was written by glusterd", "peers/x": "was written by glusterd", "vols/gv/info": "was written by glusterd", mark: "another peer",
	} {
		r := newRig(t)
		file := filepath.Join(r.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("UUID=x\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if r.view.turn() {
				t.Errorf("%s: the directory was taken", name)
			}
		}
		if got := r.tree(); len(got) != 1 || r.text(name) != "UUID=x\n" {
			t.Errorf("%s: %q", name, got)
		}
		if n := strings.Count(r.log.String(), says); n != 1 {
			t.Errorf("%s: said %d times: %s", name, n, r.log)
		}
		if err := os.RemoveAll(r.dir); err != nil {
			t.Fatal(err)
		}
		if !r.view.turn() {
			t.Errorf("%s: not taken once it was free: %s", name, r.log)
		}
	}
}

// A volume that glusterd has made in a directory of ours is neither overwritten nor removed.
func TestForeignVolume(t *testing.T) {
	r := newRig(t)
	r.view.turn()
	for _, name := range []string{"gv", "theirs"} {
		if err := errors.Join(os.MkdirAll(filepath.Join(r.dir, "vols", name), 0o755), os.WriteFile(filepath.Join(r.dir, "vols", name, "info"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	r.commit(volume.Records.Create("gv", gv("gv", volume.Created)), volume.Records.Create("hv", gv("hv", volume.Created)))
	if r.view.turn() || !strings.Contains(r.log.String(), "vols/gv") {
		t.Error(r.log)
	}
	r.holds("vols/hv/info", "type=2")
	if r.text("vols/gv/info") != "" || r.text("vols/theirs/info") != "" {
		t.Error("files of glusterd were changed")
	}
}

// Whoever settles finds the files as the records are.
func TestSettle(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	done := make(chan error, 1)
	go func() { done <- r.view.Run(ctx) }()
	for _, name := range []string{"a", "b", "c"} {
		r.commit(volume.Records.Create(name, gv(name, volume.Created)))
		r.view.Settle(ctx)
		r.holds("vols/"+name+"/info", "count=2")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	r.view.Settle(ctx) // nobody answers any more
}
