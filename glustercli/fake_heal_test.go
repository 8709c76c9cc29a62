package main

import (
	"encoding/json"
	"net/http"

	"gd2/pkg/api"
)

func switchHeal(option string) func(*http.Request, []byte, *api.VolumeInfo) error {
	return func(r *http.Request, _ []byte, v *api.VolumeInfo) error {
		v.Options[option] = map[string]string{"enable": "on", "disable": "off"}[r.PathValue("verb")]
		return nil
	}
}

// splitBrain says what it was asked.
func (f *fake) splitBrain(r *http.Request, body []byte) (int, any, error) {
	var req api.SplitBrainReq
	if err := json.Unmarshal(body, &req); err != nil {
		return 0, nil, api.Errorf(api.Invalid, "%v", err)
	}
	brick := ""
	if req.HostName != "" {
		brick = req.HostName + ":" + req.BrickName
	}
	_, err := f.volume(r)
	return http.StatusOK, api.SplitBrainResult{Message: r.PathValue("operation") + " " + req.FileName + " " + brick}, err
}

func (f *fake) healCount(r *http.Request, _ []byte) (int, any, error) {
	v, err := f.volume(r)
	if err != nil {
		return 0, nil, err
	}
	var out []api.BrickHealCount
	bricks(v, r.URL.Query().Get("replica"), func(name, why string) {
		out = append(out, api.BrickHealCount{Brick: name, Entries: 2, Error: why})
	})
	return http.StatusOK, out, nil
}

func (f *fake) healStatistics(r *http.Request, _ []byte) (int, any, error) {
	v, err := f.volume(r)
	if err != nil {
		return 0, nil, err
	}
	var out []api.BrickHealStatistics
	bricks(v, "", func(name, why string) {
		out = append(out, api.BrickHealStatistics{Brick: name, Host: "node1", Error: why, Crawls: []api.HealCrawl{
			{Type: "FULL", StartedAt: "2026-11-22T01:41:24Z", EndedAt: "2026-11-22T01:41:25Z", Healed: 5}, {Type: "INDEX", InProgress: true}}})
	})
	return http.StatusOK, out, nil
}
