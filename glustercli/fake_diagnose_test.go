package main

import (
	"encoding/json"
	"net/http"
	"strconv"

	"gd2/pkg/api"
)

const profiled = "diagnostics.count-fop-hits"

func setProfile(r *http.Request, _ []byte, v *api.VolumeInfo) error {
	if r.PathValue("opt") == "stop" {
		delete(v.Options, profiled)
		return nil
	}
	v.Options[profiled] = "on"
	return nil
}

// bricks lists the bricks of a volume; those of node3 have an error, because that peer is down.
func bricks(v *api.VolumeInfo, only string, each func(name, why string)) {
	for _, s := range v.Subvols {
		for _, b := range s.Bricks {
			why := ""
			if b.Hostname == "node3" {
				why = "the peer is offline"
			}
			if name := b.Hostname + ":" + b.Path; only == "" || only == name {
				each(name, why)
			}
		}
	}
}

func (f *fake) profile(r *http.Request, _ []byte) (int, any, error) {
	v, err := f.volume(r)
	if err == nil && v.Options[profiled] == "" {
		err = api.Errorf(api.State, "volume %s is not profiled", v.Name)
	}
	if err != nil {
		return 0, nil, err
	}
	st := api.ProfileStats{Duration: "561", DataRead: "19267650", DataWrite: "3932160", Interval: "-1",
		Blocks: []api.ProfileBlock{{Size: 8, Reads: 6}, {Size: 131072, Reads: 147, Writes: 30}},
		StatInfo: map[string]map[string]string{
			"RELEASE": {"%-latency": "0.00", "hits": "61"},
			"READ":    {"%-latency": "55.47", "hits": "38", "avglatency": "332712.37", "minlatency": "44326", "maxlatency": "1567606"},
			"LOOKUP":  {"%-latency": "44.53", "hits": "45", "avglatency": "517550.44", "minlatency": "21071", "maxlatency": "5554062"},
		}}
	var out []api.BrickProfile
	bricks(v, "", func(name, why string) {
		b := api.BrickProfile{BrickName: name, Error: why}
		if why == "" && r.PathValue("opt") != api.ProfileClear {
			b.CumulativeStats = st
		}
		out = append(out, b)
	})
	return http.StatusOK, out, nil
}

func (f *fake) top(r *http.Request, body []byte) (int, any, error) {
	v, err := f.volume(r)
	if err != nil {
		return 0, nil, err
	}
	req := api.TopReq{Brick: r.URL.Query().Get("brick")}
	req.Count, _ = strconv.Atoi(r.URL.Query().Get("count"))
	if len(body) > 0 {
		if err := json.Unmarshal(body, &req); err != nil {
			return 0, nil, api.Errorf(api.Invalid, "%v", err)
		}
	}
	var out []api.BrickTop
	bricks(v, req.Brick, func(name, why string) {
		b := api.BrickTop{BrickName: name, Error: why, Files: []api.TopFile{{Filename: "/f", Value: 18, Time: "2026-11-22 01:55:42.378237 +0000"}, {Filename: "/g", Value: 2}}}
		if req.Count == 1 {
			b.Files = b.Files[:1]
		}
		if req.BlockSize > 0 {
			b.Throughput, b.Seconds = 2560, 0.000016
		}
		if r.PathValue("what") == api.TopOpen {
			b.CurrentOpen, b.MaxOpen, b.MaxOpenTime = 4, 5, "2026-11-22 01:48:31.151437 +0000"
		}
		out = append(out, b)
	})
	return http.StatusOK, out, nil
}

func (f *fake) clientList(r *http.Request, _ []byte) (int, any, error) {
	_, err := f.volume(r)
	return http.StatusOK, []api.ClientCount{{Name: "fuse", Count: 2}, {Name: "glustershd", Count: 3}}, err
}

func (f *fake) tasks(r *http.Request, _ []byte) (int, any, error) {
	v, err := f.volume(r)
	out := []api.VolumeTask{}
	if err == nil && v.Name == "busy" {
		out = append(out, api.VolumeTask{Type: "volume.stop", ID: "t1", State: "stuck", Error: "node3: the disk is gone"})
	}
	return http.StatusOK, out, err
}

// processes answers with every part of a process's state; the client shows the one that it asked for.
func (f *fake) processes(r *http.Request, _ []byte) (int, any, error) {
	v, err := f.volume(r)
	if err != nil {
		return 0, nil, err
	}
	state := func(name, kind, why string) api.ProcessState {
		st := api.ProcessState{Name: name, Kind: kind, Host: "node1", Error: why}
		if why != "" {
			return st
		}
		st.Memory = &api.ProcessMemory{Arena: 16113664, Pools: []api.MemPool{{Name: "call_frame_t", Active: 1, Size: 176, PaddedSize: 256}}}
		st.Clients = []api.ClientConnection{{Address: "10.77.0.11:49148", Name: "fuse", BytesRead: 16088, BytesWritten: 19484, OpVersion: 100000}}
		st.Inodes = []api.InodeTable{{LRULimit: 16384, ActiveSize: 5}}
		st.Files = []api.OpenFile{{FD: 21, Path: "/a/file", Mode: "rw"}}
		st.Calls = []api.PendingCall{{Operation: "WRITE", Unique: 1266, PID: -8, Frames: []api.CallFrame{{Translator: "gv0-posix", Complete: true, WindFrom: "from"}}}}
		return st
	}
	var out []api.ProcessState
	if r.URL.Query().Get("daemon") == "" {
		bricks(v, r.URL.Query().Get("brick"), func(name, why string) { out = append(out, state(name, api.ProcessBrick, why)) })
	} else {
		out = append(out, state("Self-heal Daemon", api.ProcessSelfHeal, ""))
	}
	return http.StatusOK, out, nil
}
