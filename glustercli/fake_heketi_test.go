package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"gd2/pkg/api"
	"gd2/pkg/heketi"
)

// importHeketi adopts every node, and the volumes of which glusterd's file was sent.
func (f *fake) importHeketi(_ *http.Request, body []byte) (int, any, error) {
	var req api.HeketiImportReq
	var dump heketi.Dump
	if err := json.Unmarshal(body, &req); err != nil {
		return 0, nil, err
	}
	if err := json.Unmarshal(req.Dump, &dump); err != nil {
		return 0, nil, err
	}
	out := api.HeketiImport{Warnings: []string{"option old.option of volume vol_a is not known"}}
	for _, id := range slices.Sorted(maps.Keys(dump.Nodes)) {
		out.Steps = append(out.Steps, api.HeketiImportStep{Subject: "node " + dump.Nodes[id].Info.Hostnames.Manage[0], Action: api.ImportAdopt})
	}
	for _, id := range slices.Sorted(maps.Keys(dump.Volumes)) {
		step := api.HeketiImportStep{Subject: "volume " + dump.Volumes[id].Info.Name, Action: api.ImportAdopt}
		if req.Volumes[dump.Volumes[id].Info.Name] == "" {
			step.Action, step.Why = api.ImportSkip, "glusterd's file vols/"+dump.Volumes[id].Info.Name+"/info is missing"
		}
		out.Steps = append(out.Steps, step)
	}
	return http.StatusOK, out, nil
}
