package rest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gd2/pkg/api"
)

// everyRoute is one good request for each row of the table.
var everyRoute = []struct {
	method, path, body string
	status             int
	location, calls    string
}{
	{"GET", "/version", "", 200, "", ""},
	{"GET", "/ping", "", 200, "", ""},
	{"GET", "/endpoints", "", 200, "", ""},
	{"GET", "/statedump", "", 200, "", ""},
	{"GET", "/livez", "", 200, "", ""},
	{"GET", "/readyz?verbose", "", 200, "", ""},
	{"GET", "/metrics", "", 200, "", ""},
	{"GET", "/openapi.json", "", 200, "", ""},
	{"GET", "/v1/status", "", 200, "", "status"},
	{"GET", "/v1/loglevel", "", 200, "", ""},
	{"POST", "/v1/loglevel", `{"level":"debug"}`, 200, "", ""},
	{"POST", "/v1/volumes", `{"name":"gv0","transport":"tcp","subvols":[{"type":"replicate","bricks":[{"peerid":"a","path":"/b"}],"replica":1}],
		"metadata":null,"flags":{"reuse-bricks":true},"options":{},"allow-advanced-options":true,"size":20971520,"snapshot-reserve-factor":1.5}`, 201, "/v1/volumes/gv0", "create gv0"},
	{"GET", "/v1/volumes", "", 200, "", "list  "},
	{"GET", "/v1/volumes?key=a&value=b%20c", "", 200, "", "list a b c"},
	{"GET", "/v1/volumes/gv0", "", 200, "", "get gv0"},
	{"DELETE", "/v1/volumes/gv0", "", 204, "", "delete gv0"},
	{"DELETE", "/v1/volumes/gv0?force=true", "", 204, "", "delete by force gv0"},
	{"POST", "/v1/volumes/gv0/start", "", 200, "", "start gv0"},
	{"POST", "/v1/volumes/gv0/start", `{"force-start-bricks":true}`, 200, "", "start force gv0"},
	{"POST", "/v1/volumes/gv0/stop", "", 200, "", "stop gv0"},
	{"POST", "/v1/volumes/gv0/edit", `{"metadata":{"a":"b"},"delete-metadata":false}`, 200, "", "edit gv0"},
	{"POST", "/v1/volumes/gv0/expand", `{"replica":3,"bricks":[{"peerid":"a","path":"/b"}],"force":true,"flags":{"reuse-bricks":true}}`, 200, "", "expand gv0 3"},
	{"POST", "/v1/volumes/gv0/replacebrick", `{"src-peerid":"a","src-brickpath":"/b","dest-peerid":"c","dest-brickpath":"/d"}`, 200, "", "replace gv0 a/b c/d"},
	{"POST", "/v1/volumes/gv0/resetbrick/start", `{"peerid":"a","brickpath":"/b"}`, 200, "", "reset start gv0 a/b"},
	{"POST", "/v1/volumes/gv0/resetbrick/commit", `{"peerid":"a","brickpath":"/b","force":true}`, 200, "", "reset commit gv0 a/b"},
	{"POST", "/v1/volumes/gv0/rebalance/start", `{"option":"fix-layout"}`, 200, "", "rebalance gv0 fix-layout"},
	{"POST", "/v1/volumes/gv0/rebalance/stop", "", 200, "", "stop rebalance gv0"},
	{"GET", "/v1/volumes/gv0/rebalance", "", 200, "", "rebalance status gv0"},
	{"POST", "/v1/volumes/gv0/shrink", `{"replica":2,"bricks":[{"peerid":"a","path":"/b"}],"force":true}`, 200, "", "shrink gv0 2 1 true"},
	{"POST", "/v1/volumes/gv0/shrink/start", `{"bricks":[{"peerid":"a","path":"/b"}]}`, 200, "", "start shrink gv0 /b"},
	{"POST", "/v1/volumes/gv0/shrink/stop", `{"bricks":[]}`, 200, "", "stop shrink gv0 0"},
	{"POST", "/v1/volumes/gv0/shrink/commit", `{"bricks":[{"peerid":"a","path":"/b"}]}`, 200, "", "commit shrink gv0 1"},
	{"GET", "/v1/volumes/gv0/shrink", "", 200, "", "shrink status gv0"},
	{"GET", "/v1/volumes/gv0/bricks", "", 200, "", "bricks gv0"},
	{"GET", "/v1/volumes/gv0/status", "", 200, "", "volume status gv0"},
	{"GET", "/v1/volumes/gv0/options", "", 200, "", "options gv0"},
	{"GET", "/v1/volumes/gv0/options/performance.cache-size", "", 200, "", "option gv0 performance.cache-size"},
	{"POST", "/v1/volumes/gv0/options", `{"options":{"performance.cache-size":"64MB"}}`, 200, "", "set gv0"},
	{"DELETE", "/v1/volumes/gv0/options", `{"options":["performance.cache-size"],"force":true}`, 200, "", "reset gv0"},
	{"GET", "/v1/volumes/options-group", "", 200, "", "groups"},
	{"POST", "/v1/volumes/options-group", `{"name":"mine","options":[{"name":"a.b","onvalue":"on"}],"description":""}`, 200, "", "create group mine"},
	{"DELETE", "/v1/volumes/options-group/mine", "", 204, "", "delete group mine"},
	{"POST", "/v1/volumes/gv0/heal", "", 200, "", "heal gv0 index"},
	{"POST", "/v1/volumes/gv0/heal?type=full", "", 200, "", "heal gv0 full"},
	{"POST", "/v1/volumes/gv0/split-brain/source-brick", `{"filename":"/f","hostname":"n1","brickname":"/b"}`, 200, "", "resolve gv0 source-brick /f n1 /b"},
	{"POST", "/v1/volumes/gv0/self-heal/enable", "", 200, "", "self-heal gv0 true"},
	{"POST", "/v1/volumes/gv0/self-heal/disable", "", 200, "", "self-heal gv0 false"},
	{"POST", "/v1/volumes/gv0/granular-entry-heal/enable", "", 200, "", "granular gv0 true"},
	{"POST", "/v1/volumes/gv0/granular-entry-heal/disable", "", 200, "", "granular gv0 false"},
	{"GET", "/v1/volumes/gv0/heal-count?replica=n1:/b", "", 200, "", "heal count gv0 n1:/b"},
	{"GET", "/v1/volumes/gv0/heal-statistics", "", 200, "", "heal statistics gv0"},
	{"GET", "/v1/volumes/gv0/heal-info", "", 200, "", "heal info gv0 "},
	{"GET", "/v1/volumes/gv0/info-summary/heal-info", "", 200, "", "heal info gv0 info-summary"},
	{"GET", "/v1/volumes/gv0/split-brain-info/heal-info", "", 200, "", "heal info gv0 split-brain-info"},
	{"POST", "/v1/volumes/gv0/profile/start", "", 200, "", "profile start gv0"},
	{"POST", "/v1/volumes/gv0/profile/stop", "", 200, "", "profile stop gv0"},
	{"GET", "/v1/volumes/gv0/profile/info-cumulative", "", 200, "", "profile gv0 info-cumulative"},
	{"GET", "/v1/volumes/gv0/profile/info-clear", "", 200, "", "profile gv0 info-clear"},
	{"GET", "/v1/volumes/gv0/top/open?count=5&brick=n1:/b", "", 200, "", "top gv0 open n1:/b 5 0 0"},
	{"POST", "/v1/volumes/gv0/top/read-perf", `{"block-size":4096,"block-count":10}`, 200, "", "top gv0 read-perf  0 4096 10"},
	{"POST", "/v1/volumes/gv0/top/clear", "", 200, "", "top gv0 clear  0 0 0"},
	{"POST", "/v1/volumes/gv0/statedump", `{"quotad":true,"options":["mem"]}`, 200, "", "statedump gv0 {Bricks:false Quota:true SelfHeal:false Options:[mem] Client:}"},
	{"POST", "/v1/volumes/gv0/log/rotate", `{"brick":"n1:/b"}`, 200, "", "log rotate gv0 n1:/b"},
	{"POST", "/v1/volumes/gv0/barrier", `{"enable":true}`, 200, "", "barrier gv0 true"},
	{"POST", "/v1/volumes/gv0/clear-locks", `{"path":"/f","kind":"all","type":"inode"}`, 200, "", "clear locks gv0 {/f all inode  }"},
	{"GET", "/v1/state", "", 200, "", "state"},
	{"GET", "/v1/volumes/gv0/status/mem?daemon=self-heal", "", 200, "", "process status gv0 mem  self-heal"},
	{"GET", "/v1/volumes/gv0/status/clients?brick=n1:/b", "", 200, "", "process status gv0 clients n1:/b "},
	{"GET", "/v1/volumes/gv0/status/client-list", "", 200, "", "client list gv0"},
	{"GET", "/v1/volumes/gv0/status/tasks", "", 200, "", "tasks gv0"},
	{"GET", "/v1/peers?key=rack", "", 200, "", "peers rack "},
	{"POST", "/v1/peers", `{"addresses":["n2"],"zone":"z1"}`, 201, "/v1/peers/peer-2", "add peer"},
	{"POST", "/v1/peers/token", "", 200, "", "token"},
	{"POST", "/v1/peers/token", `{"ttl-seconds":60}`, 200, "", "token"},
	{"GET", "/v1/peers/p2", "", 200, "", "peer p2"},
	{"POST", "/v1/peers/p2", `{"zone":"z2"}`, 200, "", "edit peer p2"},
	{"DELETE", "/v1/peers/p2", "", 204, "", "delete peer p2"},
	{"DELETE", "/v1/peers/p2?force=true", "", 204, "", "delete peer by force p2"},
	{"POST", "/v1/join", `{"token":"abc"}`, 200, "", "join abc"},
	{"POST", "/v1/reset", "", 200, "", "reset"},
	{"POST", "/v1/reset", `{"force":true}`, 200, "", "reset by force"},
	{"GET", "/v1/devices", "", 200, "", "devices "},
	{"GET", "/v1/devices/p2", "", 200, "", "devices p2"},
	{"POST", "/v1/devices/p2", `{"device":"/dev/sdb","provisioner":"lvm","tags":{"a":"b"}}`, 201, "/v1/devices/p2/d1", "add device p2 /dev/sdb"},
	{"GET", "/v1/devices/p2/d1", "", 200, "", "device p2 d1"},
	{"POST", "/v1/devices/p2/d1", `{"state":"disabled"}`, 200, "", "edit device p2 d1 disabled"},
	{"POST", "/v1/devices/p2/d1/evacuate", `{"gone":true}`, 200, "", "evacuate device p2 d1 true"},
	{"POST", "/v1/devices/p2/d1/replace", `{"device":"/dev/sdc"}`, 201, "/v1/devices/p2/d2", "replace device p2 d1 /dev/sdc"},
	{"POST", "/v1/peers/p2/evacuate", "", 200, "", "evacuate peer p2 false"},
	{"DELETE", "/v1/devices/p2/d1", "", 204, "", "remove device p2 d1"},
	{"DELETE", "/v1/devices/p2/d1?force=true", "", 204, "", "forget device p2 d1"},
	{"GET", "/v1/pool", "", 200, "", "pool"},
	{"GET", "/v1/pool/snapshots", "", 200, "", "snapshots"},
	{"GET", "/v1/pool/backup", "", 200, "", "backup"},
	{"GET", "/v1/options?name=cache-size", "", 200, "", "option help cache-size"},
	{"GET", "/v1/quota/gv0", "", 200, "", "quota gv0"},
	{"POST", "/v1/quota/gv0/enable", "", 200, "", "quota enable gv0"},
	{"POST", "/v1/quota/gv0/disable", "", 200, "", "quota disable gv0"},
	{"GET", "/v1/quota/gv0/limit?type=objects&path=/a%20b", "", 200, "", "quota list gv0 objects /a b"},
	{"POST", "/v1/quota/gv0/limit", `{"path":"/a","hard-limit":"10GB","soft-limit-percent":50}`, 200, "", "quota limit gv0 /a 10GB"},
	{"DELETE", "/v1/quota/gv0/limit", `{"path":"/a","type":"usage"}`, 204, "", "quota remove gv0 /a usage"},
	{"GET", "/v1/cluster/options", "", 200, "", "cluster options"},
	{"POST", "/v1/cluster/options", `{"options":{"cluster.brick-multiplex":"on"}}`, 200, "", "set cluster options"},
	{"GET", "/v1/operations?state=pending&volume=gv0&limit=1", "", 200, "", "operations"},
	{"GET", "/v1/operations/t1", "", 200, "", "operation t1"},
	{"GET", "/v1/operations/t2?wait=5s", "", 200, "", "wait t2"},
	{"GET", "/v1/operations/t1/logs", "", 200, "", "logs t1"},
	{"POST", "/v1/operations/t2/retry", "", 200, "", "retry t2"},
	{"POST", "/v1/operations/t2/abandon", "", 200, "", "abandon t2"},
	{"POST", "/v1/operations/t2/cancel?async=false", "", 200, "", "cancel t2"},
	{"GET", "/v1/transactions", "", 200, "", "operations"},
	{"GET", "/v1/transactions/t1", "", 200, "", "operation t1"},
	{"POST", "/v1/transactions/t1/retry", "", 200, "", "retry t1"},
	{"POST", "/v1/transactions/t1/abandon", "{}", 200, "", "abandon t1"},
	{"POST", "/v1/heketi/import", `{"dump":{"nodeentries":{}},"volumes":{"gv0":"type=2"}}`, 200, "", "heketi import {\"nodeentries\":{}} 1"},
	{"POST", "/v1/volumes/gv0/rename", `{"name":"gv1"}`, 200, "", "rename gv0 gv1"},
	{"GET", "/v1/events", "", 200, "", "events {   [] 0}"},
	{"GET", "/v1/events?since=7&name=volume.*,peer.added&volume=gv0&limit=3", "", 200, "", "events {7 gv0  [volume.* peer.added] 3}"},
	{"GET", "/v1/events/stream?since=7&peer=p1&operation=t1", "", 200, "", "tail {7  p1 [] 0}"},
	{"GET", "/v1/events/webhook", "", 200, "", "webhooks"},
	{"GET", "/v1/events/webhook/status", "", 200, "", "webhook status"},
	{"POST", "/v1/events/webhook", `{"url":"http://h","token":"t","secret":"s","events":["volume.*"]}`, 200, "", "add webhook http://h"},
	{"DELETE", "/v1/events/webhook", `{"url":"http://h"}`, 204, "", "delete webhook http://h"},
	{"POST", "/v1/events/webhook/test", `{"url":"http://h"}`, 200, "", "test webhook http://h"},
	{"GET", "/debug/pprof/cmdline", "", 200, "", ""},
	{"GET", "/debug/pprof/", "", 200, "", ""},
	{"GET", "/debug/pprof/goroutine", "", 200, "", ""},
	{"GET", "/debug/pprof/symbol?0x1", "", 200, "", ""},
	{"GET", "/debug/pprof/profile?seconds=1", "", 200, "", ""},
	{"GET", "/debug/pprof/trace?seconds=0.01", "", 200, "", ""},
}

func TestEveryRoute(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Profiling = true })
	for _, c := range everyRoute {
		t.Run(c.method+c.path, func(t *testing.T) {
			got := r.do(c.method, c.path, c.body)
			if got.status != c.status {
				t.Fatalf("status %d, want %d: %s", got.status, c.status, got.body)
			}
			if loc := got.header.Get("Location"); loc != c.location {
				t.Errorf("Location %q, want %q", loc, c.location)
			}
			if c.calls != "" && !r.fake.called(c.calls) {
				t.Errorf("no call %q among %q", c.calls, r.fake.calls)
			}
			if strings.Contains(got.body, ":null") && !strings.Contains(c.path, "heal-info") {
				t.Errorf("null where clients look for a value: %s", got.body)
			}
		})
	}
	seen := r.transport.Seen()
	for _, row := range r.api.Routes() {
		if !seen[row.Name] {
			t.Errorf("the route %s was not tried", row.Name)
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	names := map[string]bool{}
	for _, row := range newRig(t, func(c *Config) { c.Profiling = true }).api.Routes() {
		if names[row.Name] {
			t.Errorf("two routes are called %s", row.Name)
		}
		names[row.Name] = true
		if row.Description == "" {
			t.Errorf("%s has no description", row.Name)
		}
	}
}

func TestHeaders(t *testing.T) {
	r := newRig(t, nil)
	for _, path := range []string{"/ping", "/v1/volumes", "/nowhere"} {
		got := r.do("GET", path, "", HeaderRequestID, "chosen-by-client").header
		if got.Get(HeaderPeerID) != "peer-1" || got.Get(HeaderClusterID) != "pool-1" {
			t.Errorf("%s: peer %q, cluster %q", path, got.Get(HeaderPeerID), got.Get(HeaderClusterID))
		}
		if id := got.Get(HeaderRequestID); len(id) != 36 {
			t.Errorf("%s: request id %q", path, id)
		}
	}
}

func TestNoSuchRoute(t *testing.T) {
	r := newRig(t, nil)
	for path, status := range map[string]int{
		"/": 404, "/v1": 404, "/v2/volumes": 404, "//v1/volumes": 404, "/v1/volumes/": 404, "/v1/volumes/a/b/c": 404, "/debug/pprof/": 404,
	} {
		if got := r.do("GET", path, ""); got.status != status || got.errors(t)[0].Kind != api.NotFound {
			t.Errorf("GET %s: %d %s", path, got.status, got.body)
		}
	}
	got := r.do("PUT", "/v1/volumes", "{}")
	if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("PUT: %d, Allow %q", got.status, got.header.Get("Allow"))
	}
	if k := got.errors(t)[0].Kind; k != api.MethodNotAllowed {
		t.Errorf("kind %q", k)
	}
	if got := r.do("BREW", "/v1/volumes/gv0", ""); got.status != http.StatusMethodNotAllowed {
		t.Errorf("BREW: %d", got.status)
	}
	if got := r.do("HEAD", "/v1/volumes", ""); got.status != http.StatusOK {
		t.Errorf("HEAD: %d", got.status)
	}
}

func TestListsAreNeverNull(t *testing.T) {
	r := newRig(t, nil)
	if got := r.do("GET", "/v1/volumes", ""); strings.TrimSpace(got.body) != "[]" {
		t.Errorf("list: %s", got.body)
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(r.do("GET", "/v1/volumes/gv0", "").body), &v); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"options", "metadata", "snap-list", "subvols"} {
		if v[name] == nil {
			t.Errorf("%s is null", name)
		}
	}
}

func TestEndpointsAreTheTable(t *testing.T) {
	r := newRig(t, nil)
	var list []api.Endpoint
	if err := json.Unmarshal([]byte(r.do("GET", "/endpoints", "").body), &list); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(e api.Endpoint) bool { return e.Name == "VolumeCreate" })
	if i < 0 || list[i].Path != "/v1/volumes" || list[i].RequestType != "api.VolumeCreateReq" || list[i].ResponseType != "api.VolumeInfo" {
		t.Errorf("endpoints: %+v", list)
	}
}

func TestHealthTellsWhatIsWrong(t *testing.T) {
	r := newRig(t, nil)
	r.fake.unready = true
	got := r.do("GET", "/readyz", "")
	if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "no quorum") || strings.Contains(got.body, "disk") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := r.do("GET", "/readyz?verbose", ""); !strings.Contains(got.body, "disk") {
		t.Errorf("verbose: %s", got.body)
	}
}
