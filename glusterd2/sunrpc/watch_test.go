package sunrpc_test

import (
	"net/netip"
	"testing"
	"time"

	"gd2/glusterd2/sunrpc"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// told reports whether a FETCHSPEC has reached the client. A ping behind it makes sure that nothing is on its way:
// callbacks and answers travel over one connection in order.
func told(t *testing.T, c *gfrpc.Client) int {
	t.Helper()
	call(t, c, gfrpc.ProgramDump, gfrpc.ProcPing, new(gfrpc.Writer))
	n := 0
	for {
		select {
		case cb := <-c.Callbacks():
			if cb.Program != gfrpc.ProgramCallback.Number || cb.Procedure != gfrpc.ProcFetchSpec {
				t.Errorf("callback %+v", cb)
			}
			n++
		default:
			return n
		}
	}
}

// awaitTold waits for one FETCHSPEC.
func awaitTold(t *testing.T, c *gfrpc.Client) {
	t.Helper()
	select {
	case <-c.Callbacks():
	case <-time.After(20 * time.Second):
		t.Fatal("not told of the change")
	}
}

func TestOnlyThoseWithAChangedVolfileAreTold(t *testing.T) {
	b := newLab(t, nil)
	b.specs.set("gv0", sunrpc.Spec{Text: "one"})
	b.specs.set("gv1", sunrpc.Spec{Text: "one"})
	brick, mount, other, silent := b.dial(t), b.dial(t), b.dial(t), b.dial(t)
	getSpec(t, brick, "gv0")
	getSpec(t, mount, "gv0")
	getSpec(t, mount, "gv1")
	getSpec(t, other, "gv1")
	told(t, silent)
	b.specs.count("gv0")

	b.NotifyChanged()
	if n := b.specs.count("gv0"); n != 1 {
		t.Errorf("the volfile of two connections was made %d times", n)
	}
	b.specs.set("gv0", sunrpc.Spec{Text: "two"})
	b.NotifyChanged()
	awaitTold(t, brick)
	awaitTold(t, mount)
	for name, c := range map[string]*gfrpc.Client{"brick": brick, "mount": mount, "other": other, "silent": silent} {
		if n := told(t, c); n != 0 {
			t.Errorf("%s was told %d times too often", name, n)
		}
	}

	// They are told once, not again for what they are about to fetch anyway.
	b.NotifyChanged()
	if told(t, brick) != 0 {
		t.Error("told again of the same text")
	}
	// Back to the text that the brick has: nothing to fetch. Then forward again.
	b.specs.set("gv0", sunrpc.Spec{Text: "one"})
	b.NotifyChanged()
	if told(t, brick) != 0 {
		t.Error("told of the text that it has")
	}
	b.specs.set("gv0", sunrpc.Spec{Text: "two"})
	b.NotifyChanged()
	awaitTold(t, brick)
	if got := getSpec(t, brick, "gv0"); got != "trusted two" {
		t.Errorf("fetched %q", got)
	}
	b.NotifyChanged()
	if told(t, brick) != 0 {
		t.Error("told after it fetched")
	}
}

func TestNotifyLooksAtItsKeysOnly(t *testing.T) {
	b := newLab(t, nil)
	b.specs.set("gv0", sunrpc.Spec{Text: "one"})
	b.specs.set("gv1", sunrpc.Spec{Text: "one"})
	c, d := b.dial(t), b.dial(t)
	getSpec(t, c, "gv0")
	getSpec(t, d, "gv1")
	b.specs.set("gv0", sunrpc.Spec{Text: "two"})
	b.specs.set("gv1", sunrpc.Spec{Text: "two"})
	b.specs.count("gv1")
	b.NotifyWhere(func(key string) bool { return key == "gv0" })
	awaitTold(t, c)
	if told(t, d) != 0 || b.specs.count("gv1") != 0 {
		t.Error("another key was looked at")
	}
}

// A volume that is gone, or cannot be read now, is no news.
func TestUnreadableVolfileIsNoNews(t *testing.T) {
	b := newLab(t, nil)
	b.specs.set("gv0", sunrpc.Spec{Text: "one"})
	c := b.dial(t)
	getSpec(t, c, "gv0")
	b.specs.mu.Lock()
	b.specs.fail["gv0"] = api.Errorf(api.Unavailable, "no quorum")
	b.specs.mu.Unlock()
	b.NotifyChanged()
	if told(t, c) != 0 {
		t.Error("told of a volfile that cannot be had")
	}
}

// A change that comes while the first answer is made reaches the client: it was served the old text.
func TestChangeDuringFetch(t *testing.T) {
	specs := &slowVolfiles{making: make(chan bool), proceed: make(chan bool)}
	b := newLab(t, func(c *sunrpc.Config) { c.Volfiles = specs })
	c := b.dial(t)
	go func() {
		<-specs.making // the old text is made, and not yet noted as served
		b.NotifyChanged()
		specs.proceed <- true
	}()
	if got := getSpec(t, c, "gv0"); got != "old" {
		t.Fatalf("served %q", got)
	}
	awaitTold(t, c)
}

// slowVolfiles makes an old text slowly the first time, and a new one from then on.
type slowVolfiles struct {
	making, proceed chan bool
	made            bool
}

func (s *slowVolfiles) Spec(string, sunrpc.Requester) (sunrpc.Spec, error) {
	if s.made {
		return sunrpc.Spec{Text: "new"}, nil
	}
	s.made = true
	s.making <- true
	<-s.proceed
	return sunrpc.Spec{Text: "old"}, nil
}

func TestTooManyKeys(t *testing.T) {
	b := newLab(t, func(c *sunrpc.Config) { c.Limits.KeysPerConn = 1 })
	b.specs.set("gv0", sunrpc.Spec{Text: "v"})
	b.specs.set("gv1", sunrpc.Spec{Text: "v"})
	c := b.dial(t)
	for range 3 { // unknown keys do not count
		if _, err := c.GetSpec(t.Context(), gfrpc.SpecRequest{Key: "none"}); !api.IsKind(err, api.NotFound) {
			t.Fatal(err)
		}
	}
	getSpec(t, c, "gv0")
	getSpec(t, c, "gv0")
	if _, err := c.GetSpec(t.Context(), gfrpc.SpecRequest{Key: "gv1"}); err == nil {
		t.Error("a second key was served where one is allowed")
	}
}

// TestAttachedBrickIsToldOfChanges: a brick that was put into a process never asked for its volfile there.
func TestAttachedBrickIsToldOfChanges(t *testing.T) {
	b := newLab(t, nil)
	b.specs.set("gv1.h.b2", sunrpc.Spec{Text: "one"})
	process := b.dial(t)
	b.Attached("/b2", "gv1.h.b2", "trusted one", 77) // not connected: it will ask by itself
	signIn(t, process, "/b1", 49152, 77)
	b.Attached("/b2", "gv1.h.b2", "trusted one", 77)
	if ret, port := portOf(t, process, "/b2"); ret != 0 || port != 49152 {
		t.Errorf("port of the attached brick: %d %d", ret, port)
	}
	b.NotifyChanged()
	if told(t, process) != 0 {
		t.Error("told of the text that it has")
	}
	b.specs.set("gv1.h.b2", sunrpc.Spec{Text: "two"})
	b.NotifyChanged()
	awaitTold(t, process)

	b.Detached("/b2", "gv1.h.b2", 77)
	b.specs.set("gv1.h.b2", sunrpc.Spec{Text: "three"})
	b.NotifyChanged()
	if ret, _ := portOf(t, process, "/b2"); ret != -1 || told(t, process) != 0 {
		t.Error("a brick that left still counts")
	}
}

// TestDumpClients: a client of the volume hears the process id, and nobody else does.
func TestDumpClients(t *testing.T) {
	b := newLab(t, nil)
	for _, name := range []string{"gv0", "gv0/dir", "gv1"} {
		b.specs.set(name, sunrpc.Spec{Text: "one"})
	}
	mount, part, other := b.dial(t), b.dial(t), b.dial(t)
	getSpec(t, mount, "gv0")
	getSpec(t, part, "gv0/dir")
	getSpec(t, other, "gv1")
	if n := b.DumpClients("gv0", func(netip.Addr) bool { return false }, 7); n != 0 {
		t.Errorf("%d clients elsewhere", n)
	}
	if n := b.DumpClients("gv0", netip.Addr.IsLoopback, 4711); n != 2 {
		t.Errorf("%d clients were told", n)
	}
	for _, c := range []*gfrpc.Client{mount, part} {
		select {
		case cb := <-c.Callbacks():
			if pid := gfrpc.NewReader(cb.Args).Uint32(); cb.Procedure != gfrpc.ProcStatedump || pid != 4711 {
				t.Errorf("callback %+v", cb)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("not told")
		}
	}
	if n := told(t, other); n != 0 {
		t.Error("a client of another volume was told")
	}
}
