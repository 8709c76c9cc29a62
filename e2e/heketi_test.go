package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var (
	clusterKeys = []string{"id", "nodes", "volumes", "block", "file", "blockvolumes"}
	nodeKeys    = []string{"zone", "hostnames", "cluster", "id", "state", "devices"}
	deviceKeys  = []string{"name", "storage", "id", "state", "bricks"}
	volumeKeys  = []string{"size", "name", "durability", "glustervolumeoptions", "snapshot", "id", "cluster", "mount", "blockinfo", "bricks"}
)

// TestHeketiContract asks for everything that Heketi's clients ask for, and demands the answers that they know.
func TestHeketiContract(t *testing.T) {
	t.Parallel()
	h := newHeketi(t, 3, 2)
	t.Run("tokens", func(t *testing.T) { h.in(t).tokens() })
	cluster := h.clusters()
	nodes := h.nodes(cluster)
	devices := h.devices(nodes)
	h.volumes(cluster, nodes, devices)
	h.leave(cluster, nodes, devices)
	h.topology()
}

func (h heketi) tokens() {
	h.send("GET", "/hello", "", "").is(http.StatusOK)
	if a := h.send("GET", "/hello", "", ""); a.body != "Hello from Heketi" || a.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		h.t.Errorf("hello: %q %v", a.body, a.header)
	}
	get := func(token string) heketiAnswer { return h.send("GET", "/clusters", "", token) }
	get("").says(401, "Required authorization token not found")
	get("basic "+h.token("GET", "/clusters", nil)).says(400, "Authorization header format must be Bearer {token}")
	get("Bearer "+h.token("GET", "/clusters", nil)).has(200, "clusters")
	get("bearer "+h.token("GET", "/volumes", nil)).says(401, "Invalid qsh claim in token")
	get("bearer "+h.token("POST", "/clusters", nil)).says(401, "Invalid qsh claim in token")
	wrong := func(change func(jwt.MapClaims)) heketiAnswer {
		return get("bearer " + h.token("GET", "/clusters", change))
	}
	wrong(func(c jwt.MapClaims) { c["iss"] = "user" }).says(401, "signature is invalid (client and server secrets may not match)")
	wrong(func(c jwt.MapClaims) { c["iss"] = "root" }).says(401, "Unknown user")
	wrong(func(c jwt.MapClaims) { c["iat"] = time.Now().Add(10 * time.Minute).Unix() }).says(401, "Token used before issued")
	wrong(func(c jwt.MapClaims) { c["iat"] = time.Now().Add(time.Minute).Unix() }).has(200, "clusters")
	wrong(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Minute).Unix() }).says(401, "expired")
	wrong(func(c jwt.MapClaims) { delete(c, "exp") }).says(401, "exp")
	h.as("user").ask("GET", "/clusters", "").says(401, "Administrator access required")
	h.as("user").ask("GET", "/volumes", "").has(200, "volumes")

	h.ask("GET", "/nothing", "").says(404, "Invalid path or request")
	h.ask("GET", "/clusters/no-hex", "").says(404, "Invalid path or request")
	if a := h.ask("PUT", "/clusters", "").is(405); a.body != "" {
		h.t.Errorf("405 with %q", a.body)
	}
	h.ask("GET", "/clusters/", "").is(301)
	h.ask("GET", "/clusters/abc", "").says(404, "Id not found")
	h.ask("GET", "/queue/abc", "").says(404, "Id not found")
	h.ask("GET", "/queue/ffd6e057477a2b7606422b40b2a5f9d8", "").says(404, "Id not found")
}

func (h heketi) clusters() string {
	h.ask("POST", "/clusters", "").says(422, "request unable to be parsed")
	c := h.ask("POST", "/clusters", `{"file":true,"block":true}`).has(201, clusterKeys...)
	id := c["id"].(string)
	if !heketiID.MatchString(id) || c["block"] != true || c["file"] != true || len(c["nodes"].([]any)) > 0 {
		h.t.Errorf("%v", c)
	}
	other := h.ask("POST", "/clusters", `{}`).has(201, clusterKeys...)["id"].(string)
	if got := h.list("/clusters", "clusters"); len(got) != 2 || !slices.Contains(got, id) {
		h.t.Errorf("clusters %v, made %s", got, id)
	}
	if a := h.ask("POST", "/clusters/"+id+"/flags", `{"file":true,"block":false}`).is(200); a.body != "" {
		h.t.Errorf("flags: %q", a.body)
	}
	if c := h.get("/clusters/"+id, clusterKeys...); c["block"] != false || c["file"] != true {
		h.t.Errorf("%v", c)
	}
	h.ask("DELETE", "/clusters/"+other, "{}").is(200)
	h.ask("DELETE", "/clusters/"+other, "{}").says(404, "Id not found")
	return id
}

// nodes makes all peers nodes. Those that are not in the pool are probed.
func (h heketi) nodes(cluster string) []string {
	var ids []string
	for n := 1; n <= 3; n++ {
		p := h.Peer(n)
		at := h.made("POST", "/nodes", fmt.Sprintf(`{"zone":%d,"hostnames":{"manage":["%s"],"storage":["%s"]},"cluster":"%s"}`, n, p.Name, p.Addr, cluster))
		id, found := strings.CutPrefix(at, "/nodes/")
		if !found || !heketiID.MatchString(id) {
			h.t.Fatalf("location %q", at)
		}
		ids = append(ids, id)
	}
	h.waitOnline(3)
	node := h.get("/nodes/"+ids[1], nodeKeys...)
	names := node["hostnames"].(map[string]any)
	if node["zone"] != 2.0 || node["state"] != "online" || node["cluster"] != cluster || fmt.Sprint(names) != "map[manage:[node2] storage:["+h.Peer(2).Addr+"]]" {
		h.t.Errorf("%v", node)
	}
	if got := h.get("/clusters/"+cluster, clusterKeys...)["nodes"].([]any); len(got) != 3 {
		h.t.Errorf("nodes of the cluster: %v", got)
	}
	again := fmt.Sprintf(`{"zone":1,"hostnames":{"manage":["node1"],"storage":["192.0.2.1"]},"cluster":"%s"}`, cluster)
	h.ask("POST", "/nodes", again).says(409, "Hostname node1 already used by node with id "+ids[0])
	h.ask("POST", "/nodes", strings.Replace(again, cluster, "abc", 1)).says(404, "abc")
	h.ask("POST", "/nodes", strings.Replace(again, `"zone":1`, `"zone":0`, 1)).says(400, "validation failed: zone:")
	gone := strings.NewReplacer("node1", "node9", "192.0.2.1", "127.0.0.9").Replace(again)
	h.ask("POST", "/nodes", gone).says(400, "glusterd")
	h.ask("DELETE", "/clusters/"+cluster, "").says(409, "contains")
	h.tags("/nodes/" + ids[0])
	h.ask("POST", "/nodes/"+ids[0]+"/state", `{"state":"asleep"}`).says(400, "asleep")
	h.done("POST", "/nodes/"+ids[0]+"/state", `{"state":"offline"}`)
	if node := h.get("/nodes/"+ids[0], nodeKeys...); node["state"] != "offline" {
		h.t.Errorf("%v", node)
	}
	h.done("POST", "/nodes/"+ids[0]+"/state", `{"state":"online"}`)
	h.ask("POST", "/nodes/"+ids[0]+"/state", `{"state":"failed"}`).says(500, "offline before")
	return ids
}

// tags changes the tags of a node or a device and leaves it with none.
func (h heketi) tags(path string) {
	h.ask("POST", path+"/tags", `{"change_type":"set","tags":{"tier":"silver","rack":"a"}}`).has(200, "tier", "rack")
	h.ask("POST", path+"/tags", `{"change_type":"update","tags":{"tier":"gold"}}`).has(200, "tier", "rack")
	var object struct{ Tags map[string]string }
	h.must(json.Unmarshal([]byte(h.ask("GET", path, "").body), &object))
	if object.Tags["tier"] != "gold" || object.Tags["rack"] != "a" {
		h.t.Errorf("%s: tags %v", path, object.Tags)
	}
	h.ask("POST", path+"/tags", `{"change_type":"delete","tags":{"tier":""}}`).has(200, "rack")
	h.ask("POST", path+"/tags", `{"change_type":"bad","tags":{}}`).says(400, "change_type")
	h.ask("POST", path+"/tags", `{"change_type":"set","tags":{}}`).has(200)
}

// devices takes a directory of each node into use.
func (h heketi) devices(nodes []string) []string {
	var ids []string
	for _, n := range nodes {
		h.done("POST", "/devices", fmt.Sprintf(`{"node":"%s","name":"/srv/disk0"}`, n))
		list := h.get("/nodes/"+n, nodeKeys...)["devices"].([]any)
		if len(list) != 1 {
			h.t.Fatalf("devices %v", list)
		}
		ids = append(ids, list[0].(map[string]any)["id"].(string))
	}
	d := h.get("/devices/"+ids[0], deviceKeys...)
	room := d["storage"].(map[string]any)
	if d["name"] != "/srv/disk0" || d["state"] != "online" || !(room["total"].(float64) > 4<<20) || room["free"] != room["total"] || room["used"] != 0.0 {
		h.t.Errorf("%v", d)
	}
	h.ask("POST", "/devices", fmt.Sprintf(`{"node":"%s","name":"/srv/disk0"}`, nodes[0])).says(409, "in use already")
	h.ask("POST", "/devices", `{"node":"abc","name":"/srv/disk0"}`).says(404, "Id not found")
	h.ask("POST", "/devices", fmt.Sprintf(`{"node":"%s","name":"disk"}`, nodes[0])).says(400, "validation failed: name:")
	h.ended(h.ask("POST", "/devices", fmt.Sprintf(`{"node":"%s","name":"/srv/none"}`, nodes[0])).accepted()).says(500, "/srv/none")
	h.tags("/devices/" + ids[0])
	h.done("GET", "/devices/"+ids[0]+"/resync", "{}")
	h.ask("DELETE", "/devices/"+ids[0], "{}").says(400, "device: "+ids[0]+" is not in failed state")
	h.ask("DELETE", "/nodes/"+nodes[0], "").says(409, "Unable to delete node ["+nodes[0]+"] because it contains devices")
	h.ask("POST", "/devices/"+ids[0]+"/state", `{"state":"failed"}`).says(500, "offline before")
	h.done("POST", "/devices/"+ids[0]+"/state", `{"state":"offline"}`)
	return ids
}

func (h heketi) volumes(cluster string, nodes, devices []string) {
	create := func(more string) string {
		return `{"size_mb":320,"durability":{"type":"replicate","replicate":{"replica":3}}` + more + "}"
	}
	h.ask("POST", "/volumes", create("")).says(500, "Failed to allocate new volume: No space")
	h.done("POST", "/devices/"+devices[0]+"/state", `{"state":"online"}`)
	h.ask("POST", "/volumes", `{"size":100000,"durability":{"type":"replicate","replicate":{"replica":3}}}`).says(500, "node1:/srv/disk0 needs")
	for body, text := range map[string]string{
		`{"size":0}`: "validation failed: size:", `{"size":1,"gid":-1}`: "gid", create(`,"name":"a b"`): "name",
		`{"size":1,"durability":{"type":"replicate","replicate":{"replica":4}}}`:           "Invalid replica value",
		`{"size":1,"durability":{"type":"disperse","disperse":{"data":3,"redundancy":2}}}`: "Invalid dispersion combination: 3+2",
		create(`,"snapshot":{"enable":true,"factor":0}`):                                   "Invalid snapshot factor",
		create(`,"clusters":["abc"]`):                                                      "abc",
		create(`,"glustervolumeoptions":["performance.no-such-option on"]`):                "no-such-option",
	} {
		h.ask("POST", "/volumes", body).says(400, text)
	}
	h.ask("POST", "/volumes", create(`,"block":true`)).says(500, "not supported yet")
	user := h.as("user")
	job := user.ask("POST", "/volumes", create(`,"gid":2000,"snapshot":{"enable":true,"factor":1.0},"glustervolumeoptions":["","user.heketi.zone-checking strict"]`)).accepted()
	at := user.at(2).ended(job).is(http.StatusSeeOther).header.Get("Location")
	if again := user.at(3).ended(job).is(http.StatusSeeOther).header.Get("Location"); again != at {
		h.t.Errorf("asked again, at another peer: %q, before %q", again, at)
	}
	id := strings.TrimPrefix(at, "/volumes/")
	h.volume(user.get(at, append(volumeKeys, "gid", "size_mb")...), id, cluster)
	h.mountable(id)
	h.ask("POST", "/volumes", create(`,"name":"vol_`+id+`"`)).says(500, "Volume name 'vol_"+id+"' already in use")
	if got := user.list("/volumes", "volumes"); !slices.Equal(got, []string{id}) {
		h.t.Errorf("volumes %v", got)
	}
	bricks := h.get("/devices/"+devices[1], deviceKeys...)["bricks"].([]any)
	if len(bricks) != 1 {
		h.t.Fatalf("bricks of a device: %v", bricks)
	}
	sameKeys(h.t, "brick", bricks[0].(map[string]any), "id", "path", "device", "node", "volume", "size")
	if b := bricks[0].(map[string]any); b["device"] != devices[1] || b["node"] != nodes[1] || b["volume"] != id || b["size"] != 320.0*1024 {
		h.t.Errorf("%v", b)
	}
	h.ask("POST", "/devices/"+devices[1]+"/state", `{"state":"failed"}`).says(500, "offline before")
	user.ask("POST", at+"/clone", "{}").says(500, "not supported yet")
	user.ask("POST", "/blockvolumes", `{"size":1}`).says(500, "not supported yet")
	if got := user.list("/blockvolumes", "blockvolumes"); len(got) != 0 {
		h.t.Errorf("%v", got)
	}
	user.ask("GET", "/volumes/abc", "").says(404, "Id not found")
	h.server(id)
	other := h.moves(id, nodes[1], devices[1])
	user.done("DELETE", at, "{}")
	h.remove(other)
	user.ask("DELETE", at, "{}").says(404, "Id not found")
}

// volume looks at a volume as clients do.
func (h heketi) volume(v map[string]any, id, cluster string) {
	h.t.Helper()
	if !heketiID.MatchString(id) || v["id"] != id || v["name"] != "vol_"+id || v["cluster"] != cluster || v["size"] != 1.0 || v["gid"] != 2000.0 {
		h.t.Errorf("%v", v)
	}
	mount := v["mount"].(map[string]any)["glusterfs"].(map[string]any)
	sameKeys(h.t, "mount", mount, "hosts", "device", "options")
	device, servers := mount["device"].(string), mount["options"].(map[string]any)["backup-volfile-servers"].(string)
	if len(mount["hosts"].([]any)) != 3 || !strings.HasSuffix(device, ":vol_"+id) || strings.Count(servers, ",") != 1 {
		h.t.Errorf("%v", mount)
	}
	if got := fmt.Sprint(v["durability"]); got != "map[disperse:map[data:4 redundancy:2] replicate:map[replica:3] type:replicate]" {
		h.t.Errorf("durability %s", got)
	}
	if got := fmt.Sprint(v["snapshot"]); got != "map[enable:true factor:1]" {
		h.t.Errorf("snapshot %s", got)
	}
	if got := fmt.Sprint(v["glustervolumeoptions"]); !strings.Contains(got, "user.heketi.id "+id) || !strings.Contains(got, "user.heketi.zone-checking strict") {
		h.t.Errorf("options %s", got)
	}
	if len(v["bricks"].([]any)) != 3 {
		h.t.Errorf("bricks %v", v["bricks"])
	}
}

// mountable demands that a volume can be used by the group that it was made for.
func (h heketi) mountable(id string) {
	h.t.Helper()
	name := "vol_" + id
	h.waitBricks(name)
	dir := h.mount(1, name)
	out, err := h.Peer(1).Run(h.t.Context(), "stat", "-c", "%g %a", "/mnt/"+name)
	if err != nil || strings.TrimSpace(out) != "2000 2775" {
		h.t.Errorf("the root of the volume: %q, %v", out, err)
	}
	h.must(os.WriteFile(dir+"/file", []byte("x"), 0o644))
	h.must(h.Peer(1).Unmount(h.t.Context(), name))
}

// topology loads Heketi's file by glustercli, twice, and looks at the tree.
func (h heketi) topology() {
	h.t.Helper()
	var nodes []string
	for n := 1; n <= 3; n++ {
		nodes = append(nodes, fmt.Sprintf(`{"node":{"zone":%d,"hostnames":{"manage":["%s"],"storage":["%s"]},"tags":{"rack":"a"}},"devices":["/srv/disk0"]}`, n, h.Peer(n).Name, h.Peer(n).Addr))
	}
	file := "/srv/topology.json"
	h.must(os.WriteFile(h.Peer(1).Path(file), []byte(`{"clusters":[{"nodes":[`+strings.Join(nodes, ",")+`]}]}`), 0o644))
	for _, want := range []string{"device node3:/srv/disk0: added", "device node3:/srv/disk0: is there already"} {
		if out := h.cli("topology", "load", file); !strings.Contains(out, want) {
			h.t.Errorf("%s does not say %q", out, want)
		}
	}
	tree := h.cli("topology", "show")
	for _, line := range []string{"zone 3\n  node3  Connected\n    /srv/disk0  loop  enabled  "} {
		if !strings.Contains(tree, line) {
			h.t.Errorf("no %q in\n%s", line, tree)
		}
	}
	// What was made without Heketi's API is seen there too.
	if got := h.list("/clusters", "clusters"); len(got) != 1 || len(h.get("/clusters/"+got[0], clusterKeys...)["nodes"].([]any)) != 3 {
		h.t.Errorf("clusters %v", got)
	}
}

// server asks for what Heketi tells of itself, while there is one volume.
func (h heketi) server(volume string) {
	h.t.Helper()
	if got := h.get("/operations", "total", "in_flight", "stale", "failed", "new"); got["total"] != 0.0 {
		h.t.Errorf("operations %v", got)
	}
	if got := h.get("/operations/pending", "pendingoperations")["pendingoperations"].([]any); len(got) != 0 {
		h.t.Errorf("pending %v", got)
	}
	h.ask("GET", "/operations/pending/abc", "").says(404, "Id not found")
	h.done("POST", "/operations/pending/cleanup", "{}")
	dump := h.ask("GET", "/db/dump", "")
	dump.has(200, "clusterentries", "volumeentries", "brickentries", "nodeentries", "deviceentries", "blockvolumeentries", "dbattributeentries", "pendingoperations")
	if !strings.HasPrefix(dump.body, "{\n    \"") || !strings.Contains(dump.body, volume) {
		h.t.Errorf("%.200s", dump.body)
	}
	check := h.get("/db/check", "clusters", "volumes", "bricks", "nodes", "devices", "blockvolumes", "dbattributes", "pendingoperations", "totalinconsistencies")
	bricks := check["bricks"].(map[string]any)
	sameKeys(h.t, "a check of bricks", bricks, "total", "pending", "ok", "notok", "inconsistencies")
	if check["totalinconsistencies"] != 0.0 || bricks["total"] != 3.0 || bricks["ok"] != 3.0 {
		h.t.Errorf("check %v", check)
	}
	h.get("/internal/state/examine/gluster", "heketidb", "report", "clusters")
	h.ask("GET", "/backup/db", "").says(500, "/db/dump")
	h.ask("POST", "/internal/logging", `{"loglevel":{"glusterfs":"loud"}}`).says(422, "loud")
	for _, level := range []string{"warning", "debug"} {
		h.ask("POST", "/internal/logging", `{"loglevel":{"glusterfs":"`+level+`"}}`).has(200, "loglevel")
		if got := fmt.Sprint(h.get("/internal/logging", "loglevel")["loglevel"]); got != "map[glusterfs:"+level+"]" {
			h.t.Errorf("level %s, set to %s", got, level)
		}
	}
	metrics := h.send("GET", "/metrics", "", "").is(200)
	for _, line := range []string{"heketi_up 1\n", "heketi_cluster_count 1\n", `heketi_volumes_count{cluster="`, "heketi_operations_total_count 0\n", "heketi_device_brick_count{"} {
		if !strings.Contains(metrics.body, line) {
			h.t.Errorf("no %q in the metrics:\n%s", line, metrics.body)
		}
	}
	h.modes()
}

// moves makes a volume larger, and moves its brick of a node to another device there, which it returns.
func (h heketi) moves(volume, node, device string) string {
	h.t.Helper()
	at := "/volumes/" + volume
	h.as("user").ask("POST", at+"/expand", `{"expand_size":0}`).says(400, "expand_size")
	h.as("user").ask("POST", at+"/expand", `{"expand_size":100000}`).says(500, "Failed to expand volume")
	if got := h.as("user").made("POST", at+"/expand", `{"expand_size_mb":64}`); got != at {
		h.t.Errorf("expanded: %q", got)
	}
	if v := h.get(at, append(volumeKeys, "gid", "size_mb")...); v["size_mb"] != 384.0 {
		h.t.Errorf("%v", v)
	}
	h.done("POST", "/devices", fmt.Sprintf(`{"node":"%s","name":"/srv/disk1"}`, node))
	bricks := func(device string) []any { return h.get("/devices/"+device, deviceKeys...)["bricks"].([]any) }
	h.ask("POST", "/bricks/to-evict/abc", "{}").says(404, "Id not found")
	h.done("POST", "/bricks/to-evict/"+bricks(device)[0].(map[string]any)["id"].(string), "{}")
	if n := len(bricks(device)); n != 0 {
		h.t.Errorf("%d bricks where one was evicted", n)
	}
	other := ""
	for _, d := range h.get("/nodes/"+node, nodeKeys...)["devices"].([]any) {
		if id := d.(map[string]any)["id"].(string); id != device {
			other = id
		}
	}
	if len(bricks(other)) != 1 {
		h.t.Errorf("no brick on the other device")
	}
	h.done("POST", "/devices/"+other+"/state", `{"state":"offline"}`)
	start := time.Now()
	h.done("POST", "/devices/"+other+"/state", `{"state":"failed"}`)
	h.t.Logf("emptied after %s: %d %d", time.Since(start), len(bricks(other)), len(bricks(device)))
	if n := len(bricks(other)); n != 0 || len(bricks(device)) != 1 {
		h.t.Errorf("%d bricks on a device that was removed", n)
	}
	h.done("POST", "/devices/"+other+"/state", `{"state":"offline"}`)
	return other
}

// modes makes the pool read-only and back.
func (h heketi) modes() {
	h.t.Helper()
	h.ask("POST", "/admin", `{"state":"closed"}`).says(400, "closed")
	for _, mode := range []string{"read-only", "local-client"} { // nobody here is local
		h.ask("POST", "/admin", `{"state":"`+mode+`"}`).is(204)
		if got := h.at(2).get("/admin", "state")["state"]; got != mode {
			h.t.Errorf("mode %v, want %s", got, mode)
		}
		h.at(3).ask("POST", "/clusters", "{}").says(503, "Service disabled for maintenance")
		h.ask("GET", "/clusters", "").is(200)
	}
	h.ask("POST", "/admin", `{"state":"normal"}`).is(204)
}

// remove takes a device out of service that has no bricks, and gives it up.
func (h heketi) remove(device string) {
	h.t.Helper()
	h.done("POST", "/devices/"+device+"/state", `{"state":"offline"}`)
	h.done("POST", "/devices/"+device+"/state", `{"state":"failed"}`)
	h.ask("POST", "/devices/"+device+"/state", `{"state":"online"}`).says(500, "failed")
	h.done("DELETE", "/devices/"+device, `{"forceforget":false}`)
}

// leave gives everything back.
func (h heketi) leave(cluster string, nodes, devices []string) {
	for i, d := range devices {
		h.remove(d)
		h.done("DELETE", "/nodes/"+nodes[i], "{}")
		h.ask("GET", "/nodes/"+nodes[i], "").says(404, "Id not found")
	}
	h.ask("DELETE", "/clusters/"+cluster, "").is(200)
	if got := h.list("/clusters", "clusters"); len(got) != 0 {
		h.t.Errorf("clusters %v", got)
	}
}
