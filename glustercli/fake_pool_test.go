package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"gd2/pkg/api"
)

func (f *fake) version(*http.Request, []byte) (int, any, error) {
	return http.StatusOK, api.VersionResp{GlusterdVersion: "1.0-fake", APIVersion: api.APIVersion}, nil
}

func (f *fake) status(*http.Request, []byte) (int, any, error) {
	s := api.PoolStatus{
		ClusterID: "20000000-0000-0000-0000-000000000001", Peers: f.peers, Warnings: []string{},
		Store: api.StoreStatus{Revision: 7, Leader: f.peers[0].ID, DBBytes: 20480, Members: []api.StoreMember{
			{PeerID: f.peers[0].ID, Role: "voter"}, {PeerID: f.peers[1].ID, Role: "voter"},
		}},
		Pending: []api.TransactionRef{{ID: "t1", Operation: "volume.stop", State: "unwinding"}},
	}
	for _, p := range f.peers {
		if !p.Online {
			s.Warnings = append(s.Warnings, "peer "+p.Name+" is not connected")
		}
	}
	s.Healthy = len(s.Warnings) == 0
	for _, v := range sortedValues(f.volumes) {
		s.Volumes = append(s.Volumes, api.VolumeSummary{Name: v.Name, State: v.State, Type: v.Type, BricksOnline: 2, BricksTotal: 3})
	}
	return http.StatusOK, s, nil
}

func (f *fake) logLevel(*http.Request, []byte) (int, any, error) {
	return http.StatusOK, api.LogLevel{Level: f.level}, nil
}

func (f *fake) setLogLevel(r *http.Request, body []byte) (int, any, error) {
	var l api.LogLevel
	_ = json.Unmarshal(body, &l)
	if l.Level != "debug" {
		return 0, nil, api.FieldErrorf("level", "level %q is not known", l.Level)
	}
	f.level = l.Level
	return f.logLevel(r, body)
}

func (f *fake) listPeers(*http.Request, []byte) (int, any, error) { return http.StatusOK, f.peers, nil }

func (f *fake) addPeer(_ *http.Request, body []byte) (int, any, error) {
	var req api.PeerAddReq
	_ = json.Unmarshal(body, &req)
	for _, p := range f.peers {
		if p.Name == req.Addresses[0] {
			return 0, nil, api.Errorf(api.Exists, "%s is in the pool already", p.Name)
		}
	}
	switch req.Addresses[0] {
	case "stranger":
		return 0, nil, api.Errorf(api.Denied, "stranger did not prove that it belongs here")
	case "nowhere":
		return 0, nil, api.Errorf(api.Unavailable, "nowhere does not answer")
	case "slow":
		return 0, nil, api.Errorf(api.Timeout, "slow took too long")
	}
	p := api.Peer{
		ID: "00000000-0000-0000-0000-000000000009", Name: req.Addresses[0], Online: true,
		PeerAddresses: req.Addresses, Metadata: map[string]string{api.ZoneKey: req.Zone},
	}
	f.peers = append(f.peers, p)
	return http.StatusCreated, p, nil
}

func (f *fake) editPeer(r *http.Request, body []byte) (int, any, error) {
	var req api.PeerEditReq
	_ = json.Unmarshal(body, &req)
	i := slices.IndexFunc(f.peers, func(p api.Peer) bool { return p.ID == r.PathValue("id") })
	f.peers[i].Metadata[api.ZoneKey] = req.Zone
	return http.StatusOK, f.peers[i], nil
}

func (f *fake) deletePeer(r *http.Request, _ []byte) (int, any, error) {
	i := slices.IndexFunc(f.peers, func(p api.Peer) bool { return p.ID == r.PathValue("id") })
	switch {
	case f.peers[i].Name == "node2":
		return 0, nil, api.Errorf(api.Forbidden, "node2 holds bricks of volume gv0")
	case !f.peers[i].Online && r.URL.Query().Get("force") == "":
		return 0, nil, api.Errorf(api.Unavailable, "%s does not answer; use force if it will not come back", f.peers[i].Name)
	}
	f.peers = slices.Delete(f.peers, i, i+1)
	return http.StatusNoContent, nil, nil
}

func (f *fake) token(*http.Request, []byte) (int, any, error) {
	return http.StatusCreated, api.PeerToken{Token: "token-1", ExpiresAt: "2026-01-01T00:00:00Z"}, nil
}

func (f *fake) join(_ *http.Request, body []byte) (int, any, error) {
	var req api.PeerJoinReq
	_ = json.Unmarshal(body, &req)
	if req.Token != "token-1" {
		return 0, nil, api.Errorf(api.Denied, "the token is not good")
	}
	return http.StatusOK, f.peers[0], nil
}

func (f *fake) reset(_ *http.Request, body []byte) (int, any, error) {
	var req api.PeerResetReq
	_ = json.Unmarshal(body, &req)
	if !req.Force {
		return 0, nil, api.Errorf(api.State, "this peer was not detached: use --force")
	}
	return http.StatusOK, f.peers[0], nil
}

func (f *fake) pool(*http.Request, []byte) (int, any, error) {
	p := api.Pool{
		ClusterID: "20000000-0000-0000-0000-000000000001", Health: "2 of 3 voters can be reached: the loss of 0 more does no harm",
		Warnings: []string{"voter node3 cannot be reached"}, Peers: len(f.peers), PeersOnline: 2, VotersWanted: 3,
		Store: api.StoreStatus{Revision: 7, Term: 3, Leader: f.peers[0].ID, DBBytes: 1 << 20, DBInUseBytes: 20480, QuotaBytes: 2 << 30, LastSnapshot: "2026-01-01T00:00:00Z"},
	}
	for i, peer := range f.peers {
		p.Members = append(p.Members, api.PoolMember{
			StoreMember: api.StoreMember{PeerID: peer.ID, Role: "voter", Leader: i == 0, Reachable: peer.Online, DBBytes: 1 << 20}, Name: peer.Name, Online: peer.Online,
		})
	}
	return http.StatusOK, p, nil
}

func (f *fake) snapshots(*http.Request, []byte) (int, any, error) {
	return http.StatusOK, []api.PoolSnapshot{
		{File: "/s/20260101T010000Z-r9.tar", CreatedAt: "2026-01-01T01:00:00Z", Revision: 9, Bytes: 20480},
		{File: "/s/20260101T000000Z-r7.tar", CreatedAt: "2026-01-01T00:00:00Z", Revision: 7, Bytes: 20480},
	}, nil
}

// backup streams a backup, the first one with a checksum that is wrong.
func (f *fake) backup(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.backups++
	text, sum := "the records\n", "c32e9a29a59d9ba1c95e22a8d8ca1d4ea1fd6ca6c1fcf8d2c22dfd3aa2d9ad2f"
	if f.backups > 1 {
		sum = fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	}
	w.Header().Set("Trailer", "X-Gluster-Checksum")
	_, _ = io.WriteString(w, text) // the client went away
	w.Header().Set("X-Gluster-Checksum", sum)
}

func (f *fake) clusterOptions(*http.Request, []byte) (int, any, error) {
	out := []api.ClusterOption{}
	for k, v := range f.cluster {
		out = append(out, api.ClusterOption{Key: k, Value: v, DefaultValue: "off", Modified: v != "off"})
	}
	return http.StatusOK, out, nil
}

func (f *fake) setCluster(r *http.Request, body []byte) (int, any, error) {
	var req api.ClusterOptionReq
	_ = json.Unmarshal(body, &req)
	for k, v := range req.Options {
		if _, ok := f.cluster[k]; !ok {
			return 0, nil, api.FieldErrorf("options", "the pool has no option %s", k)
		}
		f.cluster[k] = v
	}
	return f.clusterOptions(r, body)
}

func (f *fake) operations(r *http.Request, _ []byte) (int, any, error) {
	list := api.OperationList{Operations: []api.Operation{}}
	if q := r.URL.Query(); q.Get("state") == "" || q.Get("state") == "pending" {
		list.Operations = append(list.Operations, stuck())
	}
	return http.StatusOK, list, nil
}

func (f *fake) operationLogs(*http.Request, []byte) (int, any, error) {
	return http.StatusOK, api.OperationLogs{
		Lines:   []api.OperationLogLine{{PeerID: "node1", At: "2026-01-01T00:00:00Z", Level: "info", Step: "stop-bricks", Message: "step ended"}},
		Missing: map[string]string{"node2": "no sign of life"},
	}, nil
}

func stuck() api.Operation {
	return api.Operation{
		ID: "t1", Operation: "volume.stop", State: "stuck", Coordinator: "node1", Peers: []string{"node1", "node2"},
		Locks: []string{"volume/gv0"}, StartedAt: "2026-01-01T00:00:00Z", Error: "step failed",
		PeerErrors: map[string]string{"node2": "brick does not stop"},
	}
}

func (f *fake) operation(r *http.Request, _ []byte) (int, any, error) {
	if id := r.PathValue("id"); id != "t1" {
		return 0, nil, api.Errorf(api.NotFound, "there is no operation %s", id)
	}
	t := stuck()
	switch r.PathValue("what") {
	case "retry":
		t.State = "unwinding"
	case "abandon":
		t.State = "abandoned"
	}
	return http.StatusOK, t, nil
}
