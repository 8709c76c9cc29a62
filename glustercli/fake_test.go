package main

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/gorilla/mux"

	"gd2/pkg/api"
)

// fake is a pool in memory behind the REST interface: three peers of which the third is down, and the volumes that a
// script makes. It checks as little as the scripts need.
type fake struct {
	mu      sync.Mutex
	volumes map[string]*api.VolumeInfo
	groups  map[string]api.OptionGroup
	cluster map[string]string
	peers   []api.Peer
	level   string
	backups int
	next    string // the cursor that goes with the answer
	devices []api.Device
}

func newFake() *fake {
	f := &fake{
		volumes: map[string]*api.VolumeInfo{},
		groups: map[string]api.OptionGroup{"virt": {
			Name: "virt", Description: "virtual machines",
			Options: []api.GroupOption{{Name: "network.remote-dio", OnValue: "on"}, {Name: "features.shard", OnValue: "on"}},
		}},
		cluster: map[string]string{"cluster.brick-multiplex": "off"},
		level:   "info",
	}
	for i, name := range []string{"node1", "node2", "node3"} {
		f.peers = append(f.peers, api.Peer{
			ID: "00000000-0000-0000-0000-00000000000" + string(rune('1'+i)), Name: name, Online: i < 2, StoreRole: "voter",
			PeerAddresses: []string{name + ":24008"}, ClientAddresses: []string{name + ":24007"}, Metadata: map[string]string{},
		})
	}
	return f
}

// handler is one route: it gets the request's body and returns an answer or an error.
type handler func(r *http.Request, body []byte) (status int, answer any, err error)

// routes lists the routes; of two that fit a path the first is taken.
func (f *fake) routes() http.Handler {
	r := mux.NewRouter()
	for _, row := range []struct {
		method, path string
		h            handler
	}{
		{"POST", "/v1/peers/token", f.token},
		{"GET", "/v1/volumes/options-group", f.listGroups},
		{"POST", "/v1/volumes/options-group", f.createGroup},
		{"DELETE", "/v1/volumes/options-group/{g}", f.deleteGroup},
		{"GET", "/version", f.version},
		{"GET", "/v1/status", f.status},
		{"GET", "/v1/loglevel", f.logLevel},
		{"POST", "/v1/loglevel", f.setLogLevel},
		{"GET", "/v1/peers", f.listPeers},
		{"POST", "/v1/peers", f.addPeer},
		{"POST", "/v1/peers/{id}", f.editPeer},
		{"DELETE", "/v1/peers/{id}", f.deletePeer},
		{"POST", "/v1/join", f.join},
		{"POST", "/v1/reset", f.reset},
		{"GET", "/v1/devices", f.listDevices},
		{"GET", "/v1/devices/{peer}", f.listDevices},
		{"POST", "/v1/devices/{peer}", f.addDevice},
		{"POST", "/v1/devices/{peer}/{device}", f.editDevice},
		{"DELETE", "/v1/devices/{peer}/{device}", f.removeDevice},
		{"POST", "/v1/heketi/import", f.importHeketi},
		{"GET", "/v1/pool", f.pool},
		{"GET", "/v1/pool/snapshots", f.snapshots},
		{"GET", "/v1/volumes", f.listVolumes},
		{"POST", "/v1/volumes", f.create},
		{"GET", "/v1/volumes/{v}", f.onVolume(func(*http.Request, []byte, *api.VolumeInfo) error { return nil })},
		{"DELETE", "/v1/volumes/{v}", f.delete},
		{"POST", "/v1/volumes/{v}/start", f.onVolume(start)},
		{"POST", "/v1/volumes/{v}/stop", f.onVolume(stop)},
		{"POST", "/v1/volumes/{v}/rename", f.rename},
		{"POST", "/v1/volumes/{v}/expand", f.expand},
		{"POST", "/v1/volumes/{v}/replacebrick", f.onVolume(replaceBrick)},
		{"POST", "/v1/volumes/{v}/resetbrick/start", f.onVolume(resetBrick("reset"))},
		{"POST", "/v1/volumes/{v}/resetbrick/commit", f.onVolume(resetBrick("in service"))},
		{"POST", "/v1/volumes/{v}/rebalance/start", f.rebalanceStart},
		{"POST", "/v1/volumes/{v}/rebalance/stop", f.rebalanceStatus},
		{"GET", "/v1/volumes/{v}/rebalance", f.rebalanceStatus},
		{"POST", "/v1/volumes/{v}/shrink", f.shrink},
		{"POST", "/v1/volumes/{v}/shrink/start", f.shrinkStart},
		{"POST", "/v1/volumes/{v}/shrink/stop", f.rebalanceStatus},
		{"POST", "/v1/volumes/{v}/shrink/commit", f.shrink},
		{"GET", "/v1/volumes/{v}/shrink", f.rebalanceStatus},
		{"POST", "/v1/volumes/{v}/edit", f.onVolume(edit)},
		{"GET", "/v1/volumes/{v}/status", f.volumeStatus},
		{"GET", "/v1/volumes/{v}/status/client-list", f.clientList},
		{"GET", "/v1/volumes/{v}/status/tasks", f.tasks},
		{"GET", "/v1/volumes/{v}/status/{what}", f.processes},
		{"GET", "/v1/volumes/{v}/options", f.options},
		{"GET", "/v1/volumes/{v}/options/{o}", f.option},
		{"POST", "/v1/volumes/{v}/options", f.onVolume(set)},
		{"DELETE", "/v1/volumes/{v}/options", f.onVolume(reset)},
		{"POST", "/v1/volumes/{v}/heal", f.heal},
		{"POST", "/v1/volumes/{v}/self-heal/{verb}", f.onVolume(switchHeal("cluster.self-heal-daemon"))},
		{"POST", "/v1/volumes/{v}/granular-entry-heal/{verb}", f.onVolume(switchHeal("cluster.granular-entry-heal"))},
		{"POST", "/v1/volumes/{v}/split-brain/{operation}", f.splitBrain},
		{"GET", "/v1/volumes/{v}/heal-count", f.healCount},
		{"GET", "/v1/volumes/{v}/heal-statistics", f.healStatistics},
		{"GET", "/v1/volumes/{v}/heal-info", f.healInfo},
		{"GET", "/v1/volumes/{v}/{what}/heal-info", f.healInfo},
		{"POST", "/v1/volumes/{v}/profile/{opt}", f.onVolume(setProfile)},
		{"GET", "/v1/volumes/{v}/profile/{opt}", f.profile},
		{"POST", "/v1/volumes/{v}/statedump", f.statedump},
		{"POST", "/v1/volumes/{v}/log/rotate", f.rotateLogs},
		{"POST", "/v1/volumes/{v}/barrier", f.barrier},
		{"GET", "/v1/state", f.state},
		{"POST", "/v1/volumes/{v}/clear-locks", func(_ *http.Request, body []byte) (int, any, error) {
			return http.StatusOK, api.ClearedLocks{Summary: []string{string(body)}}, nil
		}},
		{"GET", "/v1/volumes/{v}/top/{what}", f.top},
		{"POST", "/v1/volumes/{v}/top/{what}", f.top},
		{"GET", "/v1/cluster/options", f.clusterOptions},
		{"POST", "/v1/cluster/options", f.setCluster},
		{"GET", "/v1/events", f.events},
		{"GET", "/v1/operations", f.operations},
		{"GET", "/v1/operations/{id}", f.operation},
		{"GET", "/v1/operations/{id}/logs", f.operationLogs},
		{"POST", "/v1/operations/{id}/{what}", f.operation},
		{"GET", "/v1/events/webhook/status", f.webhookStatus},
		{"POST", "/v1/events/webhook", f.webhook},
		{"DELETE", "/v1/events/webhook", f.webhook},
		{"POST", "/v1/events/webhook/test", f.webhook},
		{"GET", "/v1/broken", func(*http.Request, []byte) (int, any, error) { return 0, nil, errors.New("the disk is on fire") }},
	} {
		r.Handle(row.path, f.wrap(row.h)).Methods(row.method)
	}
	r.HandleFunc("/v1/pool/backup", f.backup).Methods(http.MethodGet)
	r.HandleFunc("/v1/events/stream", f.eventStream).Methods(http.MethodGet)
	return r
}

func (f *fake) wrap(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		w.Header().Set("X-Gluster-Peer-Id", f.peers[0].ID)
		w.Header().Set("X-Request-Id", "req-1")
		for k, v := range mux.Vars(r) {
			r.SetPathValue(k, v)
		}
		body, _ := io.ReadAll(r.Body)
		h := h
		if r.URL.Query().Get("dry-run") == "true" {
			h = plan
		}
		// Every answer of the fake is of the same revision.
		if match := r.Header.Get("If-Match"); match != "" && match != `"7-a"` {
			h = func(*http.Request, []byte) (int, any, error) {
				return 0, nil, api.Errorf(api.Precondition, "volumes/gv0 has been changed since it was read")
			}
		}
		w.Header().Set("ETag", `"7-a"`)
		status, answer, err := h(r, body)
		if f.next != "" {
			w.Header().Set("X-Gluster-Next", f.next)
			f.next = ""
		}
		if err != nil {
			e := api.AsError(err)
			status, answer = e.Status(), e.Body()
		}
		w.WriteHeader(status)
		if status != http.StatusNoContent {
			_ = json.NewEncoder(w).Encode(answer) // the client went away
		}
	})
}

// plan answers every dry run with something of everything.
func plan(r *http.Request, _ []byte) (int, any, error) {
	if r.PathValue("v") == "nosuch" {
		return 0, nil, api.Errorf(api.NotFound, "volume nosuch does not exist")
	}
	return http.StatusOK, api.OperationPlan{
		Operation: r.Method + " " + r.URL.Path, Peers: []string{"p1"}, Locks: []string{"volume/gv0"},
		Steps: []api.PlanStep{
			{Name: "look", Peers: []api.PlanPeer{{PeerID: "p1"}}},
			{Name: "remove", Irreversible: true, Peers: []api.PlanPeer{{PeerID: "p1", Host: "node1", Effects: []api.Effect{
				{Action: api.ActionDestroy, Kind: api.OnDirectory, Name: "/bricks/gv0", Bytes: 2048, Irreversible: true, Note: "with all in it"},
			}}}},
		},
		Records: []api.Effect{{Action: api.ActionChange, Kind: api.OnRecord, Name: "volumes/gv0"}}, Warnings: []string{"take care"},
		Irreversible: []string{"destroy directory /bricks/gv0 on node1"},
	}, nil
}

// serve answers on a unix socket until the returned function is called.
func (f *fake) serve(path string) (func(), error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	s := &http.Server{Handler: f.routes()}
	go func() { _ = s.Serve(l) }() // ends with ErrServerClosed
	return func() { _ = s.Close() }, nil
}

func sortedValues[T any](m map[string]T) []T {
	out := []T{}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}
