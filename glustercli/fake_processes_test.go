package main

import (
	"encoding/json"
	"net/http"
	"strings"

	"gd2/pkg/api"
)

func (f *fake) statedump(r *http.Request, body []byte) (int, any, error) {
	v, err := f.volume(r)
	if err != nil {
		return 0, nil, err
	}
	var req api.StatedumpReq
	if err := json.Unmarshal(body, &req); err != nil {
		return 0, nil, api.Errorf(api.Invalid, "%v", err)
	}
	suffix := ".9.dump.5-" + strings.Join(req.Options, "-")
	if req.Quota {
		return http.StatusOK, []api.Statedump{{Name: "Quota Daemon", Kind: api.ProcessQuota, Host: "node1", File: "/run/glusterdump" + suffix}}, nil
	}
	var out []api.Statedump
	bricks(v, "", func(name, why string) {
		d := api.Statedump{Name: name, Kind: api.ProcessBrick, Error: why}
		if why == "" {
			d.File = "/run/b" + suffix
		}
		out = append(out, d)
	})
	return http.StatusOK, out, nil
}

func (f *fake) rotateLogs(r *http.Request, body []byte) (int, any, error) {
	v, err := f.volume(r)
	if err != nil {
		return 0, nil, err
	}
	var req api.LogRotateReq
	if err := json.Unmarshal(body, &req); err != nil {
		return 0, nil, api.Errorf(api.Invalid, "%v", err)
	}
	var out []api.RotatedLog
	bricks(v, req.Brick, func(name, why string) {
		l := api.RotatedLog{Name: name, Error: why}
		if why == "" {
			l.Log, l.Old = "/log/b.log", "/log/b.log.5"
		}
		out = append(out, l)
	})
	return http.StatusOK, out, nil
}

func (f *fake) barrier(r *http.Request, body []byte) (int, any, error) {
	v, err := f.volume(r)
	if err != nil {
		return 0, nil, err
	}
	var out []api.BrickBarrier
	bricks(v, "", func(name, why string) {
		out = append(out, api.BrickBarrier{Name: name, Error: why})
		if why != "" && strings.Contains(string(body), "true") {
			err = api.Errorf(api.Unavailable, "volume %s has no barrier now", v.Name)
		}
	})
	return http.StatusOK, out, err
}

func (f *fake) state(*http.Request, []byte) (int, any, error) {
	return http.StatusOK, api.PoolState{ClusterID: "c1", Peers: []api.Peer{{ID: "p1"}}, Volumes: []api.VolumeState{{Quota: true}}}, nil
}
