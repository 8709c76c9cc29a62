package heketi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
	"gd2/transaction"
)

// A volume stays in its cluster, and may use the nodes that come into that later.
func TestClusters(t *testing.T) {
	r := newRig(t)
	own, other := r.cluster(), r.cluster()
	if own != poolID {
		t.Errorf("the first cluster is %s", own)
	}
	r.node(1, own, 2)
	second := r.node(2, other, 1)
	v := r.volume(fmt.Sprintf(`{"size":6,"clusters":[%q]}`, other))
	if b := v.Bricks()[0]; b.PeerID != "a2" || get[heketi.VolumeInfo](r, "/volumes/"+hexID(v.ID)).Cluster != other {
		t.Errorf("%+v", v)
	}
	if b := r.volume(fmt.Sprintf(`{"size":1,"clusters":[%q]}`, own)).Bricks()[0]; b.PeerID != "a1" {
		t.Errorf("%+v", b)
	}
	r.says(500, "a1:/dev/sdb has tag heketi.cluster=, the request wants "+other, http.MethodPost, "/volumes", fmt.Sprintf(`{"size":6,"clusters":[%q]}`, other))
	r.says(500, "has tag heketi.cluster="+other+", the request wants none", http.MethodPost, "/volumes", fmt.Sprintf(`{"size":60,"clusters":[%q]}`, own))
	expand := func() (api.OperationPlan, error) {
		return transaction.PlanOf(t.Context(), func(ctx context.Context) error {
			_, err := r.Volumes.Expand(ctx, v.Name, api.VolumeExpandReq{Size: 6 << 30})
			return err
		})
	}
	if plan, err := expand(); err == nil {
		t.Errorf("expanded to another cluster: %+v", plan)
	}
	r.node(3, other, 1)
	if plan, err := expand(); err != nil || !slices.Contains(plan.Peers, "a3") || slices.Contains(plan.Peers, "a1") {
		t.Errorf("%+v, %v", plan, err)
	}
	// Tags of a node do not show the mark, nor take it away.
	if w := r.send(userAdmin, http.MethodPost, "/nodes/"+second+"/tags", `{"change_type":"set","tags":{"rack":"a"}}`); w.Body.String() != `{"rack":"a"}`+"\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if n := get[heketi.NodeInfo](r, "/nodes/"+second); len(n.Tags) != 1 {
		t.Errorf("%+v", n)
	}
	if p, _, err := peer.Records.Get(r.Store, "a2"); err != nil || p.Value.Metadata["tag.heketi.cluster"] != other || p.Value.Metadata["tag.rack"] != "a" {
		t.Errorf("%+v, %v", p.Value, err)
	}
	r.says(400, "the tag heketi.cluster is set by", http.MethodPost, "/nodes/"+second+"/tags", `{"change_type":"set","tags":{"heketi.cluster":"a"}}`)
}

// A peer that is no node any more is as it was before.
func TestNodeLeaves(t *testing.T) {
	r := newRig(t)
	r.cluster()
	n := r.node(2, r.cluster(), 0)
	r.job(http.MethodPost, "/nodes/"+n+"/state", `{"state":"offline"}`)
	r.job(http.MethodPost, "/nodes/"+n+"/state", `{"state":"failed"}`)
	r.says(500, "Cannot move a failed/removed node to online state", http.MethodPost, "/nodes/"+n+"/state", `{"state":"online"}`)
	r.job(http.MethodDelete, "/nodes/"+n, "{}")
	if p, _, err := peer.Records.Get(r.Store, "a2"); err != nil || p.Value.NoBricks || p.Value.Metadata["tag.heketi.cluster"] != "" {
		t.Errorf("%+v, %v", p.Value, err)
	}
}

// emptiedNow says of a device that its last brick has been moved.
func (r rig) emptiedNow(id string) {
	r.t.Helper()
	rec, _, err := device.Records.Get(r.Store, id)
	if err != nil || rec.Value.Evacuation == nil {
		r.t.Fatalf("device %s is not being emptied: %+v, %v", id, rec.Value, err)
	}
	d := *rec.Value
	e := *d.Evacuation
	e.Done, d.Evacuation = time.Now(), &e
	commit(r.t, r.Store, device.Records.Update(id, &d, rec.Revision))
}

// pending demands that a job has not ended after a while.
func (r rig) pending(at string) {
	r.t.Helper()
	op, err := r.Engine.Get(operationID(strings.TrimPrefix(at, "/queue/")))
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 50*time.Millisecond)
	defer cancel()
	if empty, err := r.emptied(ctx, emptyingOf(op)); op.State != api.OperationDone || empty || err != nil {
		r.t.Errorf("%s is done: %+v, %v", at, op, err)
	}
}

// A brick from which others have to be healed is evicted only if the client does without the look for that.
func TestHealCheck(t *testing.T) {
	r := newRig(t)
	cluster := r.cluster()
	for n := 1; n <= 3; n++ {
		r.node(n, cluster, 2)
	}
	at := "/bricks/to-evict/" + hexID(r.volume(`{"size":1,"durability":{"type":"replicate","replicate":{"replica":3}}}`).Bricks()[0].ID)
	for _, body := range []string{"", "{}", `{"healcheck":"enable"}`} {
		r.says(500, "Unable to evict brick: entries are to be healed from it", http.MethodPost, at, body)
	}
	r.says(400, "validation failed: healcheck:", http.MethodPost, at, `{"healcheck":"never"}`)
	// No brick serves here, which is found behind the look.
	r.says(500, "are online, and 1 are needed", http.MethodPost, at, `{"healcheck":"disable"}`)
}

// A node that has failed is emptied, all its devices or none, and whoever asks is told when that has been done.
func TestNodeFails(t *testing.T) {
	r := newRig(t)
	cluster := r.cluster()
	var nodes []string
	for n := 1; n <= 3; n++ {
		nodes = append(nodes, r.node(n, cluster, 2))
	}
	r.volume(`{"size":1,"durability":{"type":"replicate","replicate":{"replica":3}}}`)
	single := r.volume(`{"size":1}`)
	alone := single.Bricks()[0]
	state := func(n string) string { return "/nodes/" + n + "/state" }
	holder := hexID(alone.PeerID)
	r.says(500, "Node must be offline before", http.MethodPost, state(holder), `{"state":"failed"}`)
	for _, n := range nodes {
		r.job(http.MethodPost, state(n), `{"state":"offline"}`)
	}
	other := nodes[(slices.Index(nodes, holder)+1)%3]
	r.says(500, "No Replacement was found", http.MethodPost, state(other), `{"state":"failed"}`)
	r.node(4, cluster, 1)
	// Nobody else has the files of the volume without copies.
	w := r.send(userAdmin, http.MethodPost, state(holder), `{"state":"failed"}`)
	if w.Code == http.StatusAccepted || !strings.Contains(w.Body.String(), "no other brick has the files") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if n := get[heketi.NodeInfo](r, "/nodes/"+holder); n.State != heketi.StateOffline || n.Devices[0].State != heketi.StateOnline {
		t.Errorf("%+v", n)
	}
	if v := get[heketi.VolumeInfo](r, "/volumes/"+hexID(single.ID)); !strings.HasPrefix(v.Mount.GlusterFS.Device, "192.0.2.") {
		t.Errorf("without nodes that get bricks: %+v", v.Mount)
	}
	r.says(400, "validation failed: healcheck:", http.MethodPost, state(other), `{"state":"failed","healcheck":"off"}`)
	w = r.send(userAdmin, http.MethodPost, state(other), `{"state":"failed","healcheck":"disable"}`)
	first := w.Header().Get("Location")
	if w.Code != http.StatusAccepted {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	again := r.send(userAdmin, http.MethodPost, state(other), `{"state":"failed"}`).Header().Get("Location")
	info := get[heketi.NodeInfo](r, "/nodes/"+other)
	third := r.send(userAdmin, http.MethodPost, "/devices/"+info.Devices[0].ID+"/state", `{"state":"failed"}`).Header().Get("Location")
	for _, at := range []string{first, again, third} {
		r.pending(at)
	}
	if rec, _, err := device.Records.Get(r.Store, info.Devices[0].ID); err != nil || !rec.Value.Evacuation.Unhealed {
		t.Errorf("without a look for heals: %+v, %v", rec.Value.Evacuation, err)
	}
	if info.State != heketi.StateFailed || info.Devices[0].State != heketi.StateFailed || info.Devices[1].State != heketi.StateFailed {
		t.Errorf("%+v", info)
	}
	for _, d := range info.Devices {
		r.emptiedNow(d.ID)
	}
	for _, at := range []string{first, again, third} {
		if w := r.send(userAdmin, http.MethodGet, at, ""); w.Code != http.StatusNoContent || w.Header().Get("X-Pending") != "" {
			t.Errorf("%s: %d %s", at, w.Code, w.Body)
		}
	}
	// Whoever waits for a device that is taken back is not told that it is empty.
	for _, d := range info.Devices {
		r.job(http.MethodPost, "/devices/"+d.ID+"/state", `{"state":"offline"}`)
	}
	r.says(500, "was taken back before it was empty\n", http.MethodGet, first, "")
}

// Small things that clients of Heketi see.
func TestSmallAnswers(t *testing.T) {
	r := newRig(t)
	cluster := r.cluster()
	n := r.node(1, cluster, 1)
	d := get[heketi.NodeInfo](r, "/nodes/"+n).Devices[0].ID
	for _, path := range []string{"/volumes/abc/clone", "/volumes/abc/block-restriction", "/blockvolumes/abc/expand", "/volumes/abc/expand"} {
		r.says(404, "Id not found\n", http.MethodPost, path, `{"expand_size":1,"new_size":2,"restriction":"locked"}`)
	}
	// A tag without a value is none.
	for _, path := range []string{"/nodes/" + n, "/devices/" + d} {
		r.says(200, `{"b":"x"}`, http.MethodPost, path+"/tags", `{"change_type":"set","tags":{"a":"","b":"x"}}`)
		if got := get[heketi.DeviceInfo](r, path).Tags; len(got) != 1 || got["b"] != "x" {
			t.Errorf("%s: %v", path, got)
		}
	}
	// A device that was given to a peer by other means makes that a node, with an address that Kubernetes can use.
	if _, err := r.Devices.Add(t.Context(), "a3", api.DeviceAddReq{Device: "/dev/sdb"}); err != nil {
		t.Fatal(err)
	}
	if info := get[heketi.NodeInfo](r, "/nodes/a3"); !slices.Equal(info.Hostnames.Storage, []string{"192.0.2.3"}) {
		t.Errorf("%+v", info)
	}
}

// An import is one operation: a request that is repeated while it runs joins it, and another one waits for its turn.
func TestImportIsOne(t *testing.T) {
	r := newRig(t)
	req := onThree(t)
	plan, err := transaction.PlanOf(t.Context(), func(ctx context.Context) error {
		_, err := r.importDump(ctx, req)
		return err
	})
	if err != nil || len(plan.Records) != 8 || len(get[heketi.ClusterList](r, "/clusters").Clusters) > 0 {
		t.Fatalf("%+v, %v", plan, err)
	}
	key := transaction.Key{ID: "k", Print: "p", Render: func(any) (transaction.Answer, bool) { return transaction.Answer{}, false }}
	r.disks.wait.Lock()
	ended := make(chan api.HeketiImport)
	go func() {
		got, err := r.importDump(transaction.WithRequest(t.Context(), &transaction.Request{Key: &key}), req)
		if err != nil {
			t.Error(err)
		}
		ended <- got
	}()
	changed, stop := r.Store.Subscribe("")
	defer stop()
	for len(get[heketi.ClusterList](r, "/clusters").Clusters) == 0 {
		<-changed
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if again, err := r.Engine.Repeated(ctx, key); err != nil || !again.Known() || again.Done {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := r.importDump(t.Context(), req); !api.IsKind(err, api.Conflict) {
		t.Errorf("two at once: %v", err)
	}
	r.disks.wait.Unlock()
	got := <-ended
	if len(got.Steps) != 8 || slices.ContainsFunc(got.Steps, func(s api.HeketiImportStep) bool { return s.Action != api.ImportAdopt || s.Error != "" }) {
		t.Errorf("%+v", got)
	}
	if again, err := r.Engine.Repeated(t.Context(), key); err != nil || !again.Done {
		t.Errorf("%+v, %v", again, err)
	}
	// All is there under its old ids, and nothing on the disks was touched.
	n := get[heketi.NodeInfo](r, "/nodes/"+oldID("e", 2))
	if d := n.Devices[0]; n.ClusterID != oldCluster || n.Zone != 2 || d.ID != oldID("d", 2) || d.Storage.Used != 1<<20+8<<10 || d.Bricks[0].ID != oldID("b", 1) {
		t.Errorf("%+v", n)
	}
	if v := get[heketi.VolumeInfo](r, "/volumes/"+oldVolume); v.Name != oldName || v.Cluster != oldCluster || v.Size != 1 || v.Durability.Replicate.Replica != 3 || len(v.Bricks) != 3 {
		t.Errorf("%+v", v)
	}
	if touched := r.disks.touched.Load(); touched > 0 {
		t.Errorf("disks were touched %d times", touched)
	}
	if got, err = r.importDump(t.Context(), req); err != nil || slices.ContainsFunc(got.Steps, func(s api.HeketiImportStep) bool { return s.Action != api.ImportKeep }) {
		t.Errorf("%+v, %v", got, err)
	}
}

// onThree is a Heketi with three of the nodes.
func onThree(t *testing.T) api.HeketiImportReq {
	t.Helper()
	o := replica3()
	for n := 4; n <= 6; n++ {
		delete(o.Nodes, oldID("e", n))
		delete(o.Devices, oldID("d", n))
	}
	return o.request(t)
}

// An import does not begin without a peer that has a part of it; if one goes away in the middle, it waits, and is whole in the end.
func TestImportWaitsForPeers(t *testing.T) {
	r := newRig(t)
	req := onThree(t)
	r.pool.Kill("a3")
	if _, err := r.importDump(t.Context(), req); !api.IsKind(err, api.Unavailable) || !strings.Contains(err.Error(), "peer a3 cannot be reached") {
		t.Errorf("without a peer: %v", err)
	}
	if list := get[heketi.ClusterList](r, "/clusters").Clusters; len(list) > 0 {
		t.Errorf("refused, and yet there are %v", list)
	}
	r.pool.Start("a3")
	r.disks.wait.Lock() // the device of a1 is not measured yet
	asked := &transaction.Request{Async: true}
	_, _ = r.importDump(transaction.WithRequest(t.Context(), asked), req)
	changed, stop := r.Store.Subscribe("")
	defer stop()
	for len(get[heketi.ClusterList](r, "/clusters").Clusters) == 0 || len(get[heketi.ClusterInfo](r, "/clusters/"+oldCluster).Nodes) < 3 {
		<-changed
	}
	r.pool.Kill("a3")
	r.disks.wait.Unlock()
	for notes := ""; !strings.Contains(notes, "peer a3 cannot be reached"); {
		op, err := r.Engine.Look(t.Context(), asked.Operation())
		if err != nil || op.Ended() {
			t.Fatalf("%+v, %v", op, err)
		}
		notes = ""
		for _, p := range op.Progress {
			notes += p.Note
		}
	}
	r.pool.Start("a3")
	op, err := r.Engine.Wait(t.Context(), asked.Operation())
	var got api.HeketiImport
	if err := errors.Join(err, json.Unmarshal(op.Result, &got)); err != nil {
		t.Fatal(err)
	}
	if len(got.Steps) != 8 || slices.ContainsFunc(got.Steps, func(s api.HeketiImportStep) bool { return s.Action != api.ImportAdopt || s.Error != "" }) {
		t.Errorf("%+v", got)
	}
}
