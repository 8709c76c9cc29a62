package quota

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBound(t *testing.T) {
	// As a brick of 10.3 shows it: 10 MB and the volume's own soft limit.
	want := []byte{0, 0, 0, 0, 0, 0xa0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	if d := cmp.Diff(want, bound(volume.Bound{Hard: 10 << 20, Soft: volume.SoftDefault})); d != "" {
		t.Error(d)
	}
	if got := numbers(want, 2); got[0] != 10<<20 || got[1] != -1 {
		t.Errorf("%v", got)
	}
	if got := numbers(want[:11], 3); got[0] != 10<<20 || got[1] != 0 || got[2] != 0 {
		t.Errorf("of half a value: %v", got)
	}
}

// reply is an answer of the quota daemon.
func reply(ret, errno int32, d gfrpc.Dict) []byte {
	var raw []byte
	if d != nil {
		raw = d.Marshal()
	}
	return new(gfrpc.Writer).Int32(ret).Int32(errno).String("").Opaque(raw).Bytes()
}

// daemon answers every question on a unix socket with what answer makes of its gfid.
func daemon(t *testing.T, answer func(d gfrpc.Dict) []byte) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { serve(c, answer) })
		}
	})
	return socket
}

func serve(c net.Conn, answer func(d gfrpc.Dict) []byte) {
	defer c.Close()
	for {
		msg, err := gfrpc.ReadRecord(c, 1<<20)
		if err != nil {
			return
		}
		call, err := gfrpc.ParseCall(msg)
		if err != nil {
			return
		}
		d, err := gfrpc.ParseDict(gfrpc.NewReader(call.Args).Opaque(1 << 16))
		if err != nil {
			return
		}
		if gfrpc.WriteRecord(c, gfrpc.Reply{XID: call.XID, Stat: gfrpc.Success, Result: answer(d)}.Marshal()) != nil {
			return
		}
	}
}

func TestAsk(t *testing.T) {
	size := binary.BigEndian.AppendUint64(nil, 3<<20)
	size = binary.BigEndian.AppendUint64(size, 4)
	size = binary.BigEndian.AppendUint64(size, 2)
	socket := daemon(t, func(d gfrpc.Dict) []byte {
		switch d.String("gfid") {
		case "gone":
			return reply(-1, 2, nil)
		case "broken":
			return reply(-1, 5, nil)
		case "short":
			return []byte{0, 0}
		}
		out := gfrpc.Strings(map[string]string{keyAncestry: "/of " + d.String("volume-uuid") + " " + d.String("type")})
		out[keySize], out[xattrUsage] = size, bound(volume.Bound{Hard: 9, Soft: 50})
		return reply(0, 0, out)
	})
	gfids := []string{"gone", "broken", "short"}
	for i := range 3 * most {
		gfids = append(gfids, strings.Repeat("x", i+1))
	}
	use, err := Ask(t.Context(), socket, "gv", gfids, false)
	if err != nil || len(use) != len(gfids) {
		t.Fatalf("%d answers, %v", len(use), err)
	}
	if d := cmp.Diff(Use{Path: "/of gv 5", Bytes: 3 << 20, Files: 4, Dirs: 2, Hard: 9, Soft: 50, Known: true}, use["x"]); d != "" {
		t.Error(d)
	}
	if !use["gone"].Gone || !strings.Contains(use["broken"].Error, "errno 5") || use["short"].Error == "" {
		t.Errorf("%+v", use)
	}
	if _, err := Ask(t.Context(), filepath.Join(t.TempDir(), "none"), "gv", gfids, false); !api.IsKind(err, api.Unavailable) {
		t.Errorf("without a daemon: %v", err)
	}
}

func FuzzReply(f *testing.F) {
	f.Add(reply(0, 0, gfrpc.Strings(map[string]string{keySize: "x"})))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if d, err := parseReply(data); err == nil {
			useOf(d, xattrUsage)
		}
	})
}

// crawler is a Crawler whose glusterfs is a shell script, so that a folder stands for the mount of a brick.
func crawler(t *testing.T, script string, finish func(context.Context, Target) error) *Crawler {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "glusterfs")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetLevel(logrus.PanicLevel)
	return NewCrawler(CrawlerConfig{
		Mounter: Mounter{Host: "h", Layout: brick.Layout{RunDir: dir, LogDir: dir, WorkDir: dir}, Program: program},
		Dir:     filepath.Join(dir, "done"), Finish: finish, Log: logrus.NewEntry(log),
	})
}

func start(t *testing.T, c *Crawler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return sync.OnceFunc(func() { cancel(); wg.Wait() })
}

func awaitState(t *testing.T, c *Crawler, want func(api.QuotaCrawl) bool) api.QuotaCrawl {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		got := c.Status("v")["b"]
		if want(got) {
			return got
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("state %+v", got)
		}
	}
}

var target = Target{VolumeID: "v", VolumeName: "gv", Version: 3, Host: "h", Brick: volume.Brick{ID: "b", Path: "/none/such"}}

func TestCrawlIsRepeatedUntilItSucceeds(t *testing.T) {
	var mu sync.Mutex
	tries := 0
	c := crawler(t, "exit 0", func(context.Context, Target) error {
		mu.Lock()
		defer mu.Unlock()
		if tries++; tries < 3 {
			return api.Errorf(api.Unavailable, "not yet")
		}
		return nil
	})
	stop := start(t, c)
	defer stop()
	c.SetDesired([]Target{target})
	if got := awaitState(t, c, func(q api.QuotaCrawl) bool { return q.State == api.CrawlDone }); tries != 3 || got.Brick != "h:/none/such" || got.Ended == "" {
		t.Errorf("%d tries, %+v", tries, got)
	}
	stop()
	// The next life of the daemon knows; another version is counted again.
	again := NewCrawler(c.cfg)
	again.SetDesired([]Target{target})
	if got := again.Status("v")["b"]; got.State != api.CrawlDone {
		t.Errorf("%+v", got)
	}
	newer := target
	newer.Version++
	again.SetDesired([]Target{newer})
	if got := again.Status("v")["b"]; got.State != api.CrawlWaiting {
		t.Errorf("%+v", got)
	}
	if left, err := filepath.Glob(filepath.Join(c.cfg.Mounter.dir(), "*")); err != nil || len(left) > 0 {
		t.Errorf("folders are left: %v %v", left, err)
	}
}

func TestCrawlOfABrickThatIsNotThere(t *testing.T) {
	c := crawler(t, "echo 'no brick' >&2; exit 1", nil)
	stop := start(t, c)
	defer stop()
	c.SetDesired([]Target{target})
	got := awaitState(t, c, func(q api.QuotaCrawl) bool { return q.Error != "" })
	if got.State != api.CrawlWaiting || !strings.Contains(got.Error, "client_per_brick/gv.client.h.none-such.vol") {
		t.Errorf("%+v", got)
	}
	c.SetDesired(nil) // the volume's quota was switched off meanwhile
	if left := c.Status("v"); len(left) != 0 {
		t.Errorf("%+v", left)
	}
}
