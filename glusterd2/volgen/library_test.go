package volgen

import (
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// records is a Source whose records a test can change.
type records struct {
	mu      sync.Mutex
	volumes map[string]*volume.Volume
	hosts   map[string]string
	pool    map[string]string
}

func (r *records) Volume(name string) (*volume.Volume, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.volumes[name]
	return v, ok
}

func (r *records) Host(peerID string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hosts[peerID]
}
func (r *records) Servers() []string { return []string{"host2:24007"} }
func (r *records) PoolOptions() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pool
}

func replica3(name string) *volume.Volume {
	s := volume.Subvol{Type: api.SubvolReplicate, Replica: 3}
	for i, peer := range []string{"p1", "p2", "p3"} {
		s.Bricks = append(s.Bricks, volume.Brick{ID: name + peer, PeerID: peer, Path: "/data/" + name, Client: i})
	}
	return &volume.Volume{
		ID: "11111111-2222-3333-4444-555555555555", Name: name, Transport: "tcp", Subvols: []volume.Subvol{s},
		Options: map[string]string{}, Auth: volume.Auth{Username: "user-" + name, Password: "secret-" + name},
	}
}

func testLibrary(t *testing.T) (*Library, *records) {
	dist := replica3("dist")
	dist.Subvols[0].Type, dist.Subvols[0].Replica = api.SubvolDistribute, 1
	r := &records{
		volumes: map[string]*volume.Volume{"gv0": replica3("gv0"), "dist": dist},
		hosts:   map[string]string{"p1": "host1.example.org", "p2": "host2", "p3": "10.0.0.3"},
	}
	return NewLibrary(LibraryConfig{
		Source: r, Table: table(t), Dir: "/var/lib/glusterd2/vols", PeerID: "p1",
		PidFile: func(name string) string { return "/run/shd/" + name + ".pid" },
		Quota:   func() []*volume.Volume { return []*volume.Volume{r.volumes["gv0"]} },
	}), r
}

var (
	local  = Requester{Local: true}
	remote = Requester{Addr: netip.MustParseAddr("192.0.2.7")}
	peer   = Requester{Addr: netip.MustParseAddr("192.0.2.8"), Peer: true}
)

// TestSpecSecrets: who asks for what, and whether the answer carries the volume's password.
func TestSpecSecrets(t *testing.T) {
	l, _ := testLibrary(t)
	for _, c := range []struct {
		key  string
		who  Requester
		want string // "open", "secret", or the kind of error
	}{
		{"gluster/quotad", local, "secret"}, {"gluster/quotad", remote, "forbidden"}, {"gluster/quotad", peer, "forbidden"},
		{"client_per_brick/gv0.client.host2.data-gv0.vol", local, "secret"}, {"client_per_brick/gv0.client.host2.data-gv0.vol", remote, "forbidden"},
		{"client_per_brick/gv0.client.host2.data-gv0", local, "not-found"}, {"client_per_brick/gv0.client.host2.nothing.vol", local, "not-found"},
		{"client_per_brick/gv0.vol", local, "not-found"},
		{"gv0", remote, "open"}, {"/gv0", remote, "open"}, {"gv0.tcp", remote, "open"}, {"gv0", peer, "open"},
		{"gv0", local, "secret"}, {"/gv0", local, "secret"},
		{"shd/gv0", local, "secret"}, {"shd/gv0", remote, "forbidden"}, {"shd/gv0", peer, "forbidden"},
		{"gv0.host1.example.org.data-gv0", local, "secret"}, {"gv0.p1.data-gv0", local, "secret"},
		{"gv0.10.0.0.3.data-gv0", local, "secret"}, {"gv0.host2.data-gv0", remote, "forbidden"},
		{"rebalance/gv0", local, "secret"}, {"rebalance/gv0", remote, "forbidden"},
		{"rebalance/nothing", local, "not-found"}, {"rebalance/", local, "not-found"},
		{"shd/dist", local, "not-found"}, {"nothing", local, "not-found"}, {"", local, "not-found"},
		{"/", local, "not-found"}, {"//gv0", local, "not-found"}, {"gv0/", local, "not-found"},
		{"gv0.rdma", local, "not-found"}, {"trusted-gv0", remote, "not-found"}, {"trusted-gv0.tcp-fuse", local, "not-found"},
		{"gv0.host9.data-gv0", local, "not-found"}, {"gv0.host2.data", local, "not-found"}, {"gv0.", local, "not-found"},
		{"../../etc/passwd", local, "not-found"}, {"gv0/../dist", local, "not-found"}, {"shd/../gv0", local, "not-found"},
		{"gv0\x00", local, "not-found"}, {"shd//gv0", local, "not-found"}, {strings.Repeat("g", 1<<16), local, "invalid"},
	} {
		spec, err := l.Spec(c.key, c.who)
		got := "open"
		switch {
		case err != nil:
			got = string(api.AsError(err).Kind)
		case strings.Contains(spec.Text, "secret-gv0"):
			got = "secret"
		}
		if got != c.want {
			t.Errorf("Spec(%.40q, %+v): %s, want %s (%v)", c.key, c.who, got, c.want, err)
		}
	}
}

func TestSpecFields(t *testing.T) {
	l, r := testLibrary(t)
	spec, err := l.Spec("shd/gv0", local)
	if err != nil || spec.PidFile != "/run/shd/gv0.pid" || spec.ClientOpVersion != 2 {
		t.Errorf("error %v, %q, %d", err, spec.PidFile, spec.ClientOpVersion)
	}
	if d := cmp.Diff([]string{"host2:24007"}, spec.Servers); d != "" {
		t.Error(d)
	}
	changed := *r.volumes["gv0"]
	changed.Options = map[string]string{"features.shard-lru-limit": "100"}
	r.volumes["gv0"] = &changed
	if spec, err = l.Spec("gv0", remote); err != nil || spec.ClientOpVersion != 50000 || spec.PidFile != "" {
		t.Errorf("error %v, %d, %q", err, spec.ClientOpVersion, spec.PidFile)
	}
}

// TestSpecFollowsRecords: a text changes when, and only when, what it is made of does.
func TestSpecFollowsRecords(t *testing.T) {
	l, r := testLibrary(t)
	text := func(key string) string {
		t.Helper()
		spec, err := l.Spec(key, local)
		if err != nil {
			t.Fatal(err)
		}
		return spec.Text
	}
	keys := []string{"gv0", "shd/gv0", "gv0.p1.data-gv0", "dist"}
	before := map[string]string{}
	for _, k := range keys {
		before[k] = text(k)
	}
	check := func(what string, changed ...string) {
		t.Helper()
		for _, k := range keys {
			now := text(k)
			if got, want := now != before[k], contains(changed, k); got != want {
				t.Errorf("%s: %s changed: %v, want %v", what, k, got, want)
			}
			before[k] = now
		}
	}
	check("nothing")
	same := *r.volumes["gv0"]
	r.volumes["gv0"] = &same
	check("the same record again")
	set := same
	set.Options = map[string]string{"performance.io-cache": "on"}
	r.volumes["gv0"] = &set
	check("an option of clients", "gv0")
	r.hosts["p2"] = "host2.example.org"
	check("a peer's address", "gv0", "shd/gv0", "dist")
	r.pool = map[string]string{"server.outstanding-rpc-limit": "100"}
	check("an option of the pool", "gv0.p1.data-gv0")
	delete(r.volumes, "gv0")
	if _, err := l.Spec("gv0", local); !api.IsKind(err, api.NotFound) {
		t.Errorf("deleted volume: %v", err)
	}
	if len(l.shelves) != 1 {
		t.Errorf("texts of %d volumes are kept, want those of dist only", len(l.shelves))
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestSpecConcurrently(t *testing.T) {
	l, r := testLibrary(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				if i == 0 {
					r.mu.Lock()
					r.volumes["gv0"] = replica3("gv0")
					r.mu.Unlock()
				}
				if _, err := l.Spec("gv0", local); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkSpecFresh(b *testing.B) {
	v := replica3("gv0")
	o := Params{Table: table(b), Host: func(id string) string { return id }}
	for b.Loop() {
		Client(v, o, true)
	}
}

func FuzzSpec(f *testing.F) {
	dist := replica3("dist")
	r := &records{volumes: map[string]*volume.Volume{"gv0": replica3("gv0"), "dist": dist}}
	l := NewLibrary(LibraryConfig{Source: r, Table: table(f), PeerID: "p1"})
	for _, s := range []string{"gv0", "/gv0", "shd/gv0", "gv0.p1.data-gv0", "gv0.tcp", "..", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		spec, err := l.Spec(key, remote)
		if err == nil && strings.Contains(spec.Text, "secret-") {
			t.Errorf("key %q gives a password away", key)
		}
	})
}

// A brick that is about to be added gets its volfile before the volume's record has it; nothing else is served of what is
// only coming.
func TestSpecComing(t *testing.T) {
	l, r := testLibrary(t)
	more := r.volumes["gv0"].Part(volume.Brick{ID: "new", PeerID: "p1", Path: "/data/more", Client: 3})
	fresh := replica3("fresh")
	l.c.Coming = func(name string) (*volume.Volume, bool) {
		v, ok := map[string]*volume.Volume{"gv0": more, "fresh": fresh}[name]
		return v, ok
	}
	spec, err := l.Spec("gv0.p1.data-more", local)
	if err != nil || !strings.Contains(spec.Text, "trusted.afr.gv0-") {
		t.Errorf("%v\n%s", err, spec.Text)
	}
	if _, err := l.Spec("gv0.p1.data-more", remote); !api.IsKind(err, api.Forbidden) {
		t.Error(err)
	}
	for _, key := range []string{"fresh", "shd/fresh", "gv0.p1.data-other"} {
		if _, err := l.Spec(key, local); !api.IsKind(err, api.NotFound) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if text, err := l.Spec("gv0.p1.data-gv0", local); err != nil || strings.Contains(text.Text, "/data/more") {
		t.Error("the present bricks are affected", err)
	}
}
