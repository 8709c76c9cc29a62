package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gd2/e2e/lab"
	"gd2/pkg/client"
	"gd2/pkg/gfrpc"
)

// sunrpc connects to a daemon as a GlusterFS process does: from the peer itself, or from a host outside the pool,
// which is the last peer of the lab and has no daemon.
func (p pool) sunrpc(ctx context.Context, n int, local bool) (*gfrpc.Client, error) {
	from := p.Peer(n)
	if !local {
		from = p.Peers()[len(p.Peers())-1]
	}
	return gfrpc.Dialer{Net: from}.Dial(ctx, "tcp", p.Peer(n).Addr+":24007")
}

// badRequest is a request that must be refused with a 4xx that names what is wrong.
type badRequest struct {
	name, method, path, body string
	status                   int // 0 means any 4xx
	want                     []string
}

func badRequests() []badRequest {
	create := func(name, brick string) string {
		return fmt.Sprintf(`{"name":%q,"subvols":[{"bricks":[{"peerid":"node1","path":%q}]}]}`, name, brick)
	}
	post := func(name, body string, want ...string) badRequest {
		return badRequest{name, http.MethodPost, "/v1/volumes", body, 0, want}
	}
	return []badRequest{
		post("misspelt field", `{"nme":"gv1","subvols":[]}`, "nme"),
		post("misspelt field below", `{"name":"gv1","subvols":[{"brikcs":[]}]}`, "brikcs"),
		post("wrong type", `{"name":7,"subvols":[]}`, "name"),
		post("not JSON", `{"name":`, ""),
		post("no body", ``, ""),
		post("two bodies", create("gv1", "/srv/x")+create("gv2", "/srv/y"), ""),
		post("no bricks", `{"name":"gv1","subvols":[]}`, "subvol"),
		post("absurd count", `{"name":"gv1","subvols":[{"replica":1000000000,"bricks":[{"peerid":"node1","path":"/srv/x"}]}]}`, "replica"),
		post("negative count", `{"name":"gv1","subvols":[{"replica":-3,"bricks":[{"peerid":"node1","path":"/srv/x"}]}]}`, "negative"),
		post("duplicate bricks", `{"name":"gv1","subvols":[{"replica":2,"bricks":[{"peerid":"node1","path":"/srv/x"},{"peerid":"node1","path":"/srv/x"}]}],"force":true}`, "/srv/x"),
		post("unknown peer", `{"name":"gv1","subvols":[{"bricks":[{"peerid":"node77","path":"/srv/x"}]}]}`, "node77"),
		post("relative path", create("gv1", "srv/x"), "srv/x", "absolute"),
		post("newline in path", create("gv1", "/srv/a\nb"), "path"),
		post("dots in path", create("gv1", "/srv/../etc"), "/srv/../etc"),
		post("long path", create("gv1", "/srv/"+strings.Repeat("x", 5000)), "path"),
		post("long name", create(strings.Repeat("v", 300), "/srv/x"), "name"),
		post("name with a slash", create("a/b", "/srv/x"), "name"),
		post("empty name", create("", "/srv/x"), "name"),
		post("name of an existing volume", create("gv0", "/srv/x"), "gv0"),
		post("brick of another volume", create("gv1", "/srv/gv0"), "/srv/gv0"),
		post("brick inside a brick", create("gv1", "/srv/gv0/sub"), "/srv/gv0"),
		post("unknown option", `{"name":"gv1","subvols":[{"bricks":[{"peerid":"node1","path":"/srv/x"}]}],"options":{"perf.cache":"1"}}`, "perf.cache"),
		{"unknown option", http.MethodPost, "/v1/volumes/gv0/options", `{"options":{"performance.cache-sise":"1MB"}}`, 0, []string{"performance.cache-sise", "performance.cache-size"}},
		{"value out of range", http.MethodPost, "/v1/volumes/gv0/options", `{"options":{"network.ping-timeout":"100000"}}`, 0, []string{"network.ping-timeout", "100000"}},
		{"value of another type", http.MethodPost, "/v1/volumes/gv0/options", `{"options":{"performance.quick-read":"perhaps"}}`, 0, []string{"quick-read", "perhaps"}},
		{"value with a newline", http.MethodPost, "/v1/volumes/gv0/options", `{"options":{"auth.allow":"*\nend-volume"}}`, 0, []string{"auth.allow"}},
		{"unknown volume", http.MethodGet, "/v1/volumes/gv77", "", http.StatusNotFound, []string{"gv77"}},
		{"start of an unknown volume", http.MethodPost, "/v1/volumes/gv77/start", "", http.StatusNotFound, []string{"gv77"}},
		{"start of a started volume", http.MethodPost, "/v1/volumes/gv0/start", "", 0, []string{"gv0"}},
		{"delete of a started volume", http.MethodDelete, "/v1/volumes/gv0", "", 0, []string{"gv0"}},
		{"unknown path", http.MethodGet, "/v1/nothing", "", http.StatusNotFound, nil},
		{"unknown method", http.MethodPatch, "/v1/volumes", "", http.StatusMethodNotAllowed, nil},
		{"peer without an address", http.MethodPost, "/v1/peers", `{"addresses":[]}`, 0, []string{"addresses"}},
		{"peer with a strange address", http.MethodPost, "/v1/peers", `{"addresses":["-oProxyCommand=x"]}`, 0, []string{"-oProxyCommand"}},
		{"unknown peer", http.MethodDelete, "/v1/peers/7d0e3f4e-0000-4000-8000-000000000000", "", http.StatusNotFound, []string{"7d0e3f4e"}},
		{"unknown transaction", http.MethodGet, "/v1/transactions/01ARZ3NDEKTSV4RRFFQ69G5FAV", "", http.StatusNotFound, nil},
		{"oversized body", http.MethodPost, "/v1/volumes", `{"name":"` + strings.Repeat("x", 32<<20) + `"}`, http.StatusRequestEntityTooLarge, nil},
		{"deep nesting", http.MethodPost, "/v1/volumes", strings.Repeat(`{"subvols":[`, 20_000), 0, nil},
	}
}

// TestBadInput sends what no one should send. Each request is refused with what is wrong; nothing changes, nothing is
// leaked, and the daemon is the same process in the end.
func TestBadInput(t *testing.T) {
	p := newPool(t, 2, 1)
	p.create("gv0", "replica", "2", "node1:/srv/gv0", "node2:/srv/gv0")
	before, err := p.rest(1).Volumes(t.Context(), client.Filter{})
	p.must(err)
	pid, err := p.Peer(1).DaemonPID(t.Context())
	p.must(err)
	files := openFiles(t, pid)

	t.Run("REST", func(t *testing.T) { badREST(t, p.in(t)) })
	t.Run("SunRPC", func(t *testing.T) { badSunRPC(t, p.in(t)) })

	after, err := p.rest(1).Volumes(t.Context(), client.Filter{})
	p.must(err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("bad input changed something:\n%s", diff)
	}
	if now, err := p.Peer(1).DaemonPID(t.Context()); err != nil || now != pid {
		t.Errorf("the daemon had pid %d, now %d: %v", pid, now, err)
	}
	p.eventually(30*time.Second, func(context.Context) error {
		if now := openFiles(t, pid); now > files+8 {
			return fmt.Errorf("the daemon had %d files open, now %d", files, now)
		}
		return nil
	})
	if _, err := os.Stat(p.Peer(1).Path("/srv/x")); err == nil {
		t.Error("a refused request left a folder on the peer")
	}
	if text, _ := os.ReadFile(p.Peer(1).DaemonLog()); bytes.Contains(text, []byte("panic")) {
		t.Error("the daemon's log speaks of a panic")
	}
}

func openFiles(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func badREST(t *testing.T, p pool) {
	c := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", p.Peer(1).Path(lab.Socket))
		},
	}}
	for _, r := range badRequests() {
		t.Run(r.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), r.method, "http://gd2"+r.path, strings.NewReader(r.body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode < 400 || resp.StatusCode > 499 || (r.status != 0 && resp.StatusCode != r.status) {
				t.Errorf("status %d: %s", resp.StatusCode, text)
			}
			for _, want := range r.want {
				if !strings.Contains(strings.ToLower(string(text)), strings.ToLower(want)) {
					t.Errorf("answer does not name %q: %s", want, text)
				}
			}
			if len(text) > 16<<10 {
				t.Errorf("the answer has %d bytes: it repeats what was sent", len(text))
			}
		})
	}
}

// record is a SunRPC record of one fragment.
func record(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, 0x80000000|uint32(len(body))), body...)
}

// call is the body of a SunRPC call with a credential and arguments as given.
func call(program, version, procedure uint32, credLen uint32, cred, args []byte) []byte {
	var b []byte
	for _, v := range []uint32{7, 0, 2, program, version, procedure, 390039, credLen} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	b = append(b, cred...)
	b = append(b, make([]byte, 8)...) // no verifier
	return append(b, args...)
}

// badSunRPC sends hostile records to the port that GlusterFS processes use.
func badSunRPC(t *testing.T, p pool) {
	const handshake, portmap = 14398633, 34123456
	huge := binary.BigEndian.AppendUint32(nil, 0x7fffffff)
	for name, bytes := range map[string][]byte{
		"truncated header":       {0x80, 0, 0},
		"empty record":           record(nil),
		"short record":           record([]byte{0, 0, 0, 1}),
		"record of 2 GiB":        {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1},
		"record without end":     append([]byte{0x80, 0, 0, 100}, make([]byte, 20)...),
		"fragments without end":  slices.Repeat([]byte{0, 0, 0, 4, 1, 2, 3, 4}, 1000),
		"credential of 4 GiB":    record(call(handshake, 2, 2, 0xffffffff, nil, nil)),
		"volfile key of 2 GiB":   record(call(handshake, 2, 2, 0, nil, append([]byte{0, 0, 0, 0}, huge...))),
		"brick name of 2 GiB":    record(call(portmap, 1, 1, 0, nil, huge)),
		"dict with absurd count": record(call(handshake, 2, 2, 0, nil, slices.Concat(make([]byte, 8), []byte{0, 0, 0, 8}, huge, huge))),
		"reply instead of call":  record(binary.BigEndian.AppendUint32([]byte{0, 0, 0, 1}, 1)),
		"rubbish":                []byte(strings.Repeat("\x00\xff\x16\x03", 500)),
		"half an HTTP request":   []byte("POST /v1/volumes HTTP/1.1\r\nContent-Length: 10\r\n\r\n{"),
		"TLS hello cut off":      {0x16, 3, 1, 2, 0, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := p.in(t)
			conn, err := p.Peer(3).DialContext(t.Context(), "tcp", p.Peer(1).Addr+":24007")
			p.must(err)
			defer conn.Close()
			if _, err := conn.Write(bytes); err != nil {
				return // refused already
			}
			// The daemon may answer, close, or wait for the rest; it must not die and must go on serving others.
			_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
			_, _ = io.Copy(io.Discard, io.LimitReader(conn, 1<<16))
			p.volfile(1, "gv0", outside)
		})
	}
	t.Run("unknown procedure and program", func(t *testing.T) { unknownCalls(t, p.in(t)) })
	t.Run("unknown volfile", func(t *testing.T) {
		c, err := p.sunrpc(t.Context(), 1, outside)
		p.must(err)
		defer c.Close()
		for _, key := range []string{"gv77", "../../etc/passwd", "gv0.node1.srv-gv0/../x", strings.Repeat("k", 9000), ""} {
			if r, err := c.GetSpec(t.Context(), gfrpc.SpecRequest{Key: key}); err == nil {
				t.Errorf("key %.40q is answered with %d bytes", key, len(r.Text))
			}
		}
	})
	t.Run("credentials of the volume", func(t *testing.T) {
		if text := p.volfile(1, "gv0", outside); strings.Contains(text, "option password") {
			t.Error("a host outside the pool gets the password of a volume")
		}
	})
}

// unknownCalls expects the accept states of RFC 5531: 1 for an unknown program, 3 for an unknown procedure; and the
// connection goes on.
func unknownCalls(t *testing.T, p pool) {
	conn, err := p.Peer(3).DialContext(t.Context(), "tcp", p.Peer(1).Addr+":24007")
	p.must(err)
	defer conn.Close()
	p.must(conn.SetDeadline(time.Now().Add(10 * time.Second)))
	for _, tc := range []struct{ program, version, procedure, accept uint32 }{
		{999999, 1, 1, 1}, {14398633, 2, 999, 3}, {34123456, 1, 77, 3},
	} {
		if _, err := conn.Write(record(call(tc.program, tc.version, tc.procedure, 0, nil, nil))); err != nil {
			t.Fatal(err)
		}
		reply := make([]byte, 28)
		if _, err := io.ReadFull(conn, reply); err != nil {
			t.Fatalf("%+v: %v", tc, err)
		}
		if got := binary.BigEndian.Uint32(reply[24:]); got != tc.accept {
			t.Errorf("program %d procedure %d: accept state %d, not %d", tc.program, tc.procedure, got, tc.accept)
		}
	}
}
