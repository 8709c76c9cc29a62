package server_test

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gd2/glusterd2/config"
	"gd2/glusterd2/server"
	"gd2/pkg/api"
	"gd2/pkg/client"
	"gd2/pkg/logging"
	"gd2/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// patience bounds each wait of these tests; machines that run tests are often busy.
const patience = 60 * time.Second

// secret is the pool-secret of daemons that have one.
const secret = "a secret of the pool, long enough"

// daemon is one peer: its directories and addresses, and the server while it runs.
type daemon struct {
	t      *testing.T
	dir    string
	ip     string
	cfg    config.Config
	log    *logging.Log
	server *server.Server
	client *client.Client
}

// newDaemons starts n daemons on addresses of their own, each alone. They end with the test, and so do their bricks.
func newDaemons(t *testing.T, n int, tune func(i int, cfg *config.Config)) []*daemon {
	t.Helper()
	// The paths of unix sockets must be short: t.TempDir would do for a test with a short name only.
	root, err := os.MkdirTemp("", "gd2-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	a, b, c := 1+rand.IntN(254), 1+rand.IntN(254), 1+rand.IntN(200)
	daemons := make([]*daemon, n)
	for i := range daemons {
		d := &daemon{t: t, dir: filepath.Join(root, fmt.Sprint(i+1)), ip: fmt.Sprintf("127.%d.%d.%d", a, b, c+i)}
		d.cfg = d.config()
		if tune != nil {
			tune(i, &d.cfg)
		}
		if d.client, err = client.New(client.Config{Endpoints: []string{"unix://" + filepath.Join(d.cfg.RunDir, server.SocketName)}, Timeout: patience}); err != nil {
			t.Fatal(err)
		}
		daemons[i] = d
	}
	t.Cleanup(func() { end(t, daemons) })
	each(daemons, func(d *daemon) { d.start() })
	return daemons
}

func (d *daemon) config() config.Config {
	return config.Config{
		LocalStateDir: filepath.Join(d.dir, "lib"), RunDir: filepath.Join(d.dir, "run"), LogDir: filepath.Join(d.dir, "log"),
		ClientAddress: d.ip + ":24007", PeerAddress: d.ip + ":24008", AdvertiseAddress: d.ip, RESTAuth: true, PlainHTTP: config.PlainLoopback,
		PoolSecret: secret, EtcdCURLs: []string{"https://" + d.ip + ":2379"}, EtcdPURLs: []string{"https://" + d.ip + ":2380"},
		GlusterFSD: "/usr/sbin/glusterfsd", GlusterFS: "/usr/sbin/glusterfs",
	}
}

// each does something to all daemons at once.
func each(daemons []*daemon, do func(*daemon)) {
	var wg sync.WaitGroup
	for _, d := range daemons {
		wg.Go(func() { do(d) })
	}
	wg.Wait()
}

// end stops everything, shows the logs of a test that failed, and ends the bricks.
func end(t *testing.T, daemons []*daemon) {
	each(daemons, func(d *daemon) {
		d.stop()
		d.client.Close()
	})
	for _, d := range daemons {
		d.killBricks()
		if !t.Failed() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(d.dir, "log", "glusterd2.log"))
		t.Logf("log of %s (%v):\n%s", d.ip, err, text[max(0, len(text)-6000):])
	}
}

// start starts the daemon. It does not wait until it is ready.
func (d *daemon) start() {
	d.t.Helper()
	if err := d.tryStart(); err != nil {
		d.t.Errorf("start of %s: %v", d.ip, err)
	}
}

func (d *daemon) tryStart() (err error) {
	if err := os.MkdirAll(filepath.Join(d.dir, "log"), 0o755); err != nil {
		return err
	}
	if d.log, err = logging.Open(logging.Options{File: filepath.Join(d.dir, "log", "glusterd2.log"), Level: "info"}); err != nil {
		return err
	}
	if d.server, err = server.New(context.Background(), d.cfg, "test", d.log); err != nil {
		return err
	}
	return d.server.Start(context.Background())
}

// stop stops the daemon, if it runs.
func (d *daemon) stop() {
	d.t.Helper()
	if d.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := d.server.Close(ctx); err != nil {
		d.t.Errorf("stop of %s: %v", d.ip, err)
	}
	select {
	case err := <-d.server.Failed():
		d.t.Errorf("a part of %s failed: %v", d.ip, err)
	default:
	}
	d.server = nil
	if err := d.log.Close(); err != nil {
		d.t.Errorf("log of %s: %v", d.ip, err)
	}
}

func (d *daemon) restart() {
	d.t.Helper()
	d.stop()
	d.start()
}

// killBricks ends the processes of this peer, which outlive the daemon, and waits until they are gone.
func (d *daemon) killBricks() {
	err := filepath.WalkDir(d.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".pid" {
			return nil //nolint:nilerr // the others are looked at all the same
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // it has just gone
		}
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			d.killOurs(pid)
		}
		return nil
	})
	if err != nil {
		d.t.Error(err)
	}
}

// killOurs ends a process if its command line names our directory.
func (d *daemon) killOurs(pid int) {
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !strings.Contains(string(cmdline), d.dir) {
		return
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(fd) }()
	_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	ended := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(ended, int(patience.Milliseconds())); n != 1 {
		d.t.Errorf("process %d of %s did not end: %v", pid, d.ip, err)
	}
}

// until waits until check returns an empty text, which otherwise says what is missing.
func until(t *testing.T, check func(ctx context.Context) string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		missing := check(ctx)
		if missing == "" {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("after %v: %s", patience, missing)
		}
	}
}

// ready waits until the daemon serves.
func (d *daemon) ready() {
	d.t.Helper()
	until(d.t, func(ctx context.Context) string {
		h, err := d.client.Ready(ctx)
		if err != nil {
			return err.Error()
		}
		if !h.OK {
			return fmt.Sprintf("%s is not ready: %+v", d.ip, h.Checks)
		}
		return ""
	})
}

// detached waits until the daemon says that it was taken out of its pool.
func (d *daemon) detached() {
	d.t.Helper()
	until(d.t, func(ctx context.Context) string {
		h, err := d.client.Ready(ctx)
		if err != nil || h.OK || !strings.Contains(fmt.Sprint(h), "was detached from pool") {
			return fmt.Sprintf("%s does not say that it was detached: %+v, %v", d.ip, h, err)
		}
		return ""
	})
}

// reset makes a detached daemon forget its pool.
func (d *daemon) reset() {
	d.t.Helper()
	if _, err := d.client.Reset(d.t.Context(), api.PeerResetReq{}); err != nil {
		d.t.Fatalf("reset of %s: %v", d.ip, err)
	}
	d.ready()
}

// id is the peer id of the daemon.
func (d *daemon) id() string {
	d.t.Helper()
	if d.client.PeerID() == "" {
		d.ready()
	}
	return d.client.PeerID()
}

// probe brings another peer into the pool.
func (d *daemon) probe(other *daemon) error {
	_, err := d.client.PeerAdd(d.t.Context(), api.PeerAddReq{Addresses: []string{other.ip}})
	return err
}

// pool starts n daemons and makes one pool of them.
func pool(t *testing.T, n int) []*daemon {
	t.Helper()
	daemons := newDaemons(t, n, nil)
	each(daemons, func(d *daemon) { d.ready() })
	for _, d := range daemons[1:] {
		if err := daemons[0].probe(d); err != nil {
			t.Fatalf("probe of %s: %v", d.ip, err)
		}
	}
	return daemons
}

// sees waits until the daemon is in a pool of exactly these peers, all online, with as many voters as it should have.
func (d *daemon) sees(voters int, peers ...*daemon) {
	d.t.Helper()
	var want []string
	for _, p := range peers {
		want = append(want, p.id())
	}
	slices.Sort(want)
	until(d.t, func(ctx context.Context) string {
		list, err := d.client.Peers(ctx, client.Filter{})
		if err != nil {
			return err.Error()
		}
		var got, roles []string
		for _, p := range list {
			got, roles = append(got, p.ID), append(roles, p.StoreRole)
			if !p.Online {
				return fmt.Sprintf("%s sees %s offline", d.ip, p.ID)
			}
		}
		slices.Sort(got)
		if n := strings.Count(strings.Join(roles, " "), "voter"); !slices.Equal(got, want) || voters > 0 && n != voters {
			return fmt.Sprintf("%s sees peers %v with roles %v, want %v with %d voters", d.ip, got, roles, want, voters)
		}
		return ""
	})
}

// refused fails the test unless err is of the kind and says the words.
func refused(t *testing.T, err error, kind api.Kind, words string) {
	t.Helper()
	if !api.IsKind(err, kind) || !strings.Contains(fmt.Sprint(err), words) {
		t.Errorf("error %v, want one of kind %s that says %q", err, kind, words)
	}
}

// volumeOn asks for a volume with one brick on each of the peers, in replicate sets of that size if it is above 1.
func volumeOn(name string, replica int, peers ...*daemon) api.VolumeCreateReq {
	sub := api.SubvolReq{}
	if replica > 1 {
		sub.ReplicaCount = replica
	}
	for _, p := range peers {
		sub.Bricks = append(sub.Bricks, api.BrickReq{PeerID: p.id(), Path: filepath.Join(p.dir, "bricks", name)})
	}
	return api.VolumeCreateReq{Name: name, Subvols: []api.SubvolReq{sub},
		Flags: map[string]bool{api.FlagAllowRootDir: true, api.FlagCreateBrickDir: true, api.FlagReuseBricks: true}}
}
