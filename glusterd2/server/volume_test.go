package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gd2/glusterd2/rest/resttest"
	"gd2/glusterd2/server"
	"gd2/pkg/api"
)

// rest asks one daemon over its unix socket, and holds every exchange against the OpenAPI document.
type rest struct {
	t      *testing.T
	client *http.Client
	seen   func() map[string]bool
}

func newRest(t *testing.T, d *daemon) *rest {
	t.Helper()
	base := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", filepath.Join(d.cfg.RunDir, server.SocketName))
	}}
	t.Cleanup(base.CloseIdleConnections)
	document, err := resttest.Fetch(t.Context(), &http.Client{Transport: base}, "http://localhost")
	if err != nil {
		t.Fatal(err)
	}
	transport, err := resttest.New(t.Context(), t, base, document)
	if err != nil {
		t.Fatal(err)
	}
	return &rest{t: t, client: &http.Client{Transport: transport}, seen: transport.Seen}
}

// do makes a request, fails the test unless the status is right, and decodes the answer.
func (r *rest) do(method, path string, body any, status int, out any) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			r.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, &sent)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	var got bytes.Buffer
	if _, err := got.ReadFrom(resp.Body); err != nil {
		r.t.Fatal(err)
	}
	if resp.StatusCode != status {
		r.t.Fatalf("%s %s: %s, want %d: %s", method, path, resp.Status, status, got.String())
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(got.Bytes(), out); err != nil {
		r.t.Fatalf("%s %s: %v: %s", method, path, err, got.String())
	}
}

// online waits until all bricks of the volume and its self-heal daemons are online, and returns the bricks' pids by path.
func (r *rest) online(name string) map[string]int {
	r.t.Helper()
	pids := map[string]int{}
	until(r.t, func(context.Context) string {
		var st api.VolumeStatus
		r.do("GET", "/v1/volumes/"+name+"/status", nil, 200, &st)
		if !st.Online {
			return fmt.Sprintf("the volume is not online: %+v", st.Bricks)
		}
		for _, b := range st.Bricks {
			if !b.Online || b.Port == 0 {
				return fmt.Sprintf("brick %s on %s is offline: %s", b.Info.Path, b.Info.Hostname, b.Error)
			}
			pids[b.Info.Path] = b.Pid
		}
		for _, d := range st.Daemons {
			if !d.Online {
				return fmt.Sprintf("%s on %s is offline: %s", d.Name, d.Hostname, d.Error)
			}
		}
		return ""
	})
	return pids
}

// alive reports whether a process runs and is not a zombie.
func alive(pid int) bool {
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && len(cmdline) > 0
}

// The whole life of a volume on real bricks, as a REST client sees it.
func TestVolumeLife(t *testing.T) {
	t.Parallel()
	ds := pool(t, 3)
	r, other := newRest(t, ds[0]), newRest(t, ds[1])
	var made api.VolumeInfo
	req := volumeOn("gv", 3, ds...)
	req.Metadata, req.Options = map[string]string{"owner": "me"}, map[string]string{"performance.cache-size": "64MB"}
	r.do("POST", "/v1/volumes", req, 201, &made)
	r.do("POST", "/v1/volumes", req, 409, nil)
	r.do("POST", "/v1/volumes/gv/start", nil, 200, nil)
	first := r.online("gv")
	if len(first) != 3 {
		t.Fatalf("bricks %v", first)
	}
	other.do("POST", "/v1/volumes/gv/start", nil, 400, nil)
	other.do("DELETE", "/v1/volumes/gv", nil, 400, nil)
	options(t, other)

	// A daemon that stops leaves its bricks serving; one that starts adopts them.
	for _, d := range ds {
		d.stop()
	}
	for path, pid := range first {
		if !alive(pid) {
			t.Errorf("brick %s ended with its daemon", path)
		}
	}
	each(ds, func(d *daemon) { d.start() })
	each(ds, func(d *daemon) { d.ready() })
	if again := r.online("gv"); fmt.Sprint(again) != fmt.Sprint(first) {
		t.Errorf("bricks after the restart of the daemons: %v, before: %v", again, first)
	}
	crash(t, r, ds[2], first)
	away(t, r, ds[2])

	last := r.online("gv")
	r.do("POST", "/v1/volumes/gv/stop", nil, 200, nil)
	for path, pid := range last {
		if alive(pid) {
			t.Errorf("brick %s runs after the stop", path)
		}
	}
	other.do("POST", "/v1/volumes/gv/stop", nil, 400, nil)
	other.do("DELETE", "/v1/volumes/gv", nil, 204, nil)
	r.do("GET", "/v1/volumes/gv", nil, 404, nil)
	r.do("GET", "/v1/status", nil, 200, nil)
	r.do("GET", "/v1/transactions", nil, 200, nil)
	for _, name := range []string{"VolumeCreate", "VolumeStart", "VolumeStatus", "VolumeStop"} {
		if !r.seen()[name] {
			t.Errorf("%s was not held against the document", name)
		}
	}
}

// options sets and resets options of the running volume.
func options(t *testing.T, r *rest) {
	t.Helper()
	var v api.VolumeInfo
	r.do("POST", "/v1/volumes/gv/options", api.VolumeOptionReq{Options: map[string]string{"cluster.self-heal-window-size": "2"}}, 200, &v)
	r.do("POST", "/v1/volumes/gv/options", api.VolumeOptionReq{Options: map[string]string{"cluster.self-heal-windowsize": "2"}}, 400, nil)
	v = api.VolumeInfo{}
	r.do("DELETE", "/v1/volumes/gv/options", api.VolumeOptionResetReq{Options: []string{"cluster.self-heal-window-size"}}, 200, &v)
	if _, still := v.Options["cluster.self-heal-window-size"]; still || v.Options["performance.cache-size"] != "64MB" {
		t.Errorf("options %v", v.Options)
	}
	r.do("GET", "/v1/volumes/gv/options", nil, 200, nil)
	r.do("GET", "/v1/volumes/gv/bricks", nil, 200, nil)
	r.do("POST", "/v1/volumes/gv/edit", api.VolumeEditReq{Metadata: map[string]string{"a": "b"}}, 200, nil)
	r.do("POST", "/v1/volumes/gv/heal", nil, 200, nil)
}

// crash kills a brick, which must come back as another process.
func crash(t *testing.T, r *rest, d *daemon, before map[string]int) {
	t.Helper()
	for path, pid := range before {
		if !strings.HasPrefix(path, d.dir) {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		until(t, func(context.Context) string {
			if now := r.online("gv")[path]; now == pid || alive(pid) {
				return "the killed brick is still there"
			}
			return ""
		})
	}
}

// away changes the volume while a peer is away, which makes good what it has missed when it is back.
func away(t *testing.T, r *rest, d *daemon) {
	t.Helper()
	own := 0
	for path, pid := range r.online("gv") {
		if strings.HasPrefix(path, d.dir) {
			own = pid
		}
	}
	id := d.id()
	d.stop()
	until(t, func(context.Context) string {
		var p api.Peer
		if r.do("GET", "/v1/peers/"+id, nil, 200, &p); p.Online {
			return "the stopped peer is online"
		}
		return ""
	})
	r.do("POST", "/v1/volumes/gv/stop", nil, 200, nil)
	if !alive(own) {
		t.Error("the brick of a peer without a daemon ended")
	}
	d.start()
	until(t, func(context.Context) string {
		if alive(own) {
			return "the brick of a stopped volume still runs"
		}
		return ""
	})
	d.stop()
	r.do("POST", "/v1/volumes/gv/start", api.VolumeStartReq{}, 200, nil)
	d.start()
	if now := r.online("gv"); len(now) != 3 {
		t.Errorf("bricks %v", now)
	}
}
