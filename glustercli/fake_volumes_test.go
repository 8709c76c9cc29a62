package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"gd2/pkg/api"
)

// listVolumes knows pages, by name, and fields at the top.
func (f *fake) listVolumes(r *http.Request, _ []byte) (int, any, error) {
	list := sortedValues(f.volumes)
	q := r.URL.Query()
	if i := slices.IndexFunc(list, func(v *api.VolumeInfo) bool { return v.Name == q.Get("cursor") }); i >= 0 {
		list = list[i+1:]
	}
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && n < len(list) {
		list = list[:n]
		f.next = list[n-1].Name
	}
	if q.Get("fields") == "" {
		return http.StatusOK, list, nil
	}
	out := []map[string]any{}
	for _, v := range list {
		var all map[string]any
		text, _ := json.Marshal(v)
		_ = json.Unmarshal(text, &all)
		picked := map[string]any{}
		for _, name := range strings.Split(q.Get("fields"), ",") {
			top, _, _ := strings.Cut(name, ".")
			picked[top] = all[top]
		}
		out = append(out, picked)
	}
	return http.StatusOK, out, nil
}

func (f *fake) volume(r *http.Request) (*api.VolumeInfo, error) {
	name := r.PathValue("v")
	if v, ok := f.volumes[name]; ok {
		return v, nil
	}
	return nil, api.Errorf(api.NotFound, "volume %s does not exist", name)
}

// onVolume is a route that changes a volume and answers with it.
func (f *fake) onVolume(change func(*http.Request, []byte, *api.VolumeInfo) error) handler {
	return func(r *http.Request, body []byte) (int, any, error) {
		v, err := f.volume(r)
		if err == nil {
			err = change(r, body, v)
		}
		return http.StatusOK, v, err
	}
}

func (f *fake) create(_ *http.Request, body []byte) (int, any, error) {
	var req api.VolumeCreateReq
	if err := json.Unmarshal(body, &req); err != nil {
		return 0, nil, api.Errorf(api.Invalid, "%v", err)
	}
	if _, ok := f.volumes[req.Name]; ok {
		return 0, nil, api.Errorf(api.Exists, "volume %s already exists", req.Name)
	}
	if b := req.Subvols[0].Bricks[0]; strings.HasPrefix(b.Path, "/root") && !req.Force {
		return 0, nil, &api.Error{Kind: api.Invalid, Message: "bricks cannot be used", Causes: []*api.Error{
			api.Errorf(api.Invalid, "%s:%s is on the root filesystem; use another or --allow-root-dir", b.PeerID, b.Path),
		}}
	}
	v := describe(req)
	v.ID = fmt.Sprintf("10000000-0000-0000-0000-%012d", len(f.volumes)+1)
	f.volumes[req.Name] = v
	return http.StatusCreated, v, nil
}

// describe is the volume that a request makes.
func describe(req api.VolumeCreateReq) *api.VolumeInfo {
	s := req.Subvols[0]
	v := &api.VolumeInfo{
		Name: req.Name, Transport: "tcp", State: api.VolumeCreated, DistributeCount: len(req.Subvols), SnapList: []string{},
		ReplicaCount: max(s.ReplicaCount, 1), ArbiterCount: s.ArbiterCount, DisperseCount: s.DisperseCount,
		DisperseDataCount: s.DisperseData, DisperseRedundancyCount: s.DisperseRedundancy,
		Options: map[string]string{"nfs.disable": "on"}, Metadata: map[string]string{},
	}
	maps.Copy(v.Options, req.Options)
	maps.Copy(v.Metadata, req.Metadata)
	v.Type = map[string]string{"distribute": api.Distribute, "replicate": api.Replicate, "disperse": api.Disperse}[s.Type]
	if len(req.Subvols) > 1 && v.Type != api.Distribute {
		v.Type = "Distributed-" + v.Type
	}
	for _, s := range req.Subvols {
		var info api.SubvolInfo
		for i, b := range s.Bricks {
			t := api.BrickTypeBrick
			if s.ArbiterCount == 1 && i == len(s.Bricks)-1 {
				t = api.BrickTypeArbiter
			}
			info.Bricks = append(info.Bricks, api.BrickInfo{Hostname: b.PeerID, Path: b.Path, Type: t})
		}
		v.Subvols = append(v.Subvols, info)
	}
	return v
}

func (f *fake) delete(r *http.Request, _ []byte) (int, any, error) {
	v, err := f.volume(r)
	if err == nil && v.State == api.VolumeStarted {
		err = api.Errorf(api.State, "volume %s is started; stop it first", v.Name)
	}
	if err == nil {
		delete(f.volumes, v.Name)
	}
	return http.StatusNoContent, nil, err
}

func start(_ *http.Request, body []byte, v *api.VolumeInfo) error {
	if v.State == api.VolumeStarted && !strings.Contains(string(body), "true") {
		return api.Errorf(api.State, "volume %s is started already", v.Name)
	}
	v.State = api.VolumeStarted
	return nil
}

func stop(_ *http.Request, _ []byte, v *api.VolumeInfo) error {
	if v.State != api.VolumeStarted {
		return api.Errorf(api.State, "volume %s is not started", v.Name)
	}
	v.State = api.VolumeStopped
	return nil
}

func edit(_ *http.Request, body []byte, v *api.VolumeInfo) error {
	var req api.VolumeEditReq
	_ = json.Unmarshal(body, &req)
	for k, val := range req.Metadata {
		if req.DeleteMetadata {
			delete(v.Metadata, k)
		} else {
			v.Metadata[k] = val
		}
	}
	return nil
}

func (f *fake) volumeStatus(r *http.Request, _ []byte) (int, any, error) {
	v, err := f.volume(r)
	if err != nil {
		return 0, nil, err
	}
	if v.Name == "sick" {
		return 0, nil, api.Errorf(api.Unavailable, "peer node2 does not answer")
	}
	if v.State != api.VolumeStarted {
		return 0, nil, api.Errorf(api.State, "volume %s is not started", v.Name)
	}
	s := api.VolumeStatus{Info: *v, Online: true, Daemons: []api.DaemonStatus{
		{Name: "glustershd", Hostname: "node1", Online: true, Pid: 300}, {Name: "glustershd", Hostname: "node3"},
	}}
	n := 0
	for _, sub := range v.Subvols {
		for _, b := range sub.Bricks {
			n++
			st := api.BrickStatus{
				Info: b, Online: true, Pid: 200 + n, Port: 49151 + n, FS: "xfs", Device: "/dev/vdb", MountOpts: "rw",
				Size: api.SizeInfo{Capacity: 10 << 30, Free: 5 << 30}, Inodes: api.InodeInfo{Total: 100, Free: 40},
			}
			if b.Hostname == "node3" {
				st = api.BrickStatus{Info: b, Error: "peer node3 does not answer"}
			}
			s.Bricks = append(s.Bricks, st)
		}
	}
	return http.StatusOK, s, nil
}

func (f *fake) options(r *http.Request, _ []byte) (int, any, error) {
	v, err := f.volume(r)
	if err != nil {
		return 0, nil, err
	}
	out := []api.VolumeOption{{Name: "cluster.lookup-unhashed", Value: "on", DefaultValue: "on"}}
	for _, k := range slices.Sorted(maps.Keys(v.Options)) {
		out = append(out, api.VolumeOption{Name: k, Value: v.Options[k], Modified: true})
	}
	return http.StatusOK, out, nil
}

func (f *fake) option(r *http.Request, body []byte) (int, any, error) {
	_, all, err := f.options(r, body)
	if err != nil {
		return 0, nil, err
	}
	for _, o := range all.([]api.VolumeOption) {
		if o.Name == r.PathValue("o") {
			return http.StatusOK, o, nil
		}
	}
	return 0, nil, api.Errorf(api.NotFound, "there is no option %s", r.PathValue("o"))
}

func set(_ *http.Request, body []byte, v *api.VolumeInfo) error {
	var req api.VolumeOptionReq
	_ = json.Unmarshal(body, &req)
	for k := range req.Options {
		if k == "performance.cash-size" {
			return api.FieldErrorf("options", "option %s does not exist; did you mean performance.cache-size?", k)
		}
	}
	maps.Copy(v.Options, req.Options)
	return nil
}

func reset(_ *http.Request, body []byte, v *api.VolumeInfo) error {
	var req api.VolumeOptionResetReq
	_ = json.Unmarshal(body, &req)
	if req.All {
		clear(v.Options)
	}
	for _, k := range req.Options {
		if k == "nfs.disable" && !req.Force {
			return api.Errorf(api.Forbidden, "option nfs.disable is protected; use force")
		}
		delete(v.Options, k)
	}
	return nil
}

func (f *fake) heal(r *http.Request, _ []byte) (int, any, error) {
	v, err := f.volume(r)
	if err == nil && v.ReplicaCount < 2 && v.DisperseCount == 0 {
		err = api.Errorf(api.State, "volume %s is neither replicated nor dispersed; there is nothing to heal", v.Name)
	}
	return http.StatusOK, []api.BrickHealStart{}, err
}

func (f *fake) healInfo(r *http.Request, _ []byte) (int, any, error) {
	v, err := f.volume(r)
	if err != nil {
		return 0, nil, err
	}
	var out []api.BrickHealInfo
	for _, s := range v.Subvols {
		for _, b := range s.Bricks {
			name, up, down, n, none := b.Hostname+":"+b.Path, "Connected", "Transport endpoint is not connected", int64(1), int64(0)
			h := api.BrickHealInfo{Name: &name, Status: &up, Entries: &n, Files: []string{"/a file"},
				TotalEntries: &n, EntriesInHealPending: &n, EntriesInSplitBrain: &none, EntriesPossiblyHealing: &none}
			if b.Hostname == "node3" {
				h = api.BrickHealInfo{Name: &name, Status: &down}
			}
			out = append(out, h)
		}
	}
	return http.StatusOK, out, nil
}

func (f *fake) listGroups(*http.Request, []byte) (int, any, error) {
	return http.StatusOK, sortedValues(f.groups), nil
}

func (f *fake) createGroup(_ *http.Request, body []byte) (int, any, error) {
	var req api.OptionGroupReq
	_ = json.Unmarshal(body, &req)
	f.groups[req.Name] = req.OptionGroup
	return http.StatusOK, req.OptionGroup, nil
}

func (f *fake) deleteGroup(r *http.Request, _ []byte) (int, any, error) {
	if r.PathValue("g") == "virt" {
		return 0, nil, api.Errorf(api.Forbidden, "group virt is built in")
	}
	delete(f.groups, r.PathValue("g"))
	return http.StatusNoContent, nil, nil
}

func (f *fake) rename(r *http.Request, body []byte) (int, any, error) {
	v, err := f.volume(r)
	if err != nil {
		return 0, nil, err
	}
	if v.State == api.VolumeStarted {
		return 0, nil, api.Errorf(api.State, "volume %s is started: stop it before renaming it", v.Name)
	}
	var req api.VolumeRenameReq
	_ = json.Unmarshal(body, &req)
	delete(f.volumes, v.Name)
	v.Name = req.Name
	f.volumes[v.Name] = v
	return http.StatusOK, v, nil
}
