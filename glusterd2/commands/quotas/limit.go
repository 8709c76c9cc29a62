package quotas

import (
	"context"
	"slices"
	"strconv"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// limitParams set the limits of one directory. Peer is the one that does it, through a mount of its own.
type limitParams struct {
	Volume         string       `json:"volume"`
	VolumeID       string       `json:"volume-id"`
	VolumeRevision int64        `json:"volume-revision"`
	Peer           string       `json:"peer"`
	Old            volume.Limit `json:"old"`
	New            volume.Limit `json:"new"`
	Revision       int64        `json:"revision"` // of the record of the old one; 0 if there is none
}

func limitOperation(host Host) transaction.Operation[limitParams, none] {
	return transaction.Operation[limitParams, none]{
		Name: "quota.limit", Version: 1,
		Steps: []transaction.Step[limitParams]{{
			Name:  "set-limit",
			Peers: func(p limitParams) []string { return []string{p.Peer} },
			Do: func(ctx context.Context, _ *transaction.Call, p limitParams) error {
				err := host.Set(ctx, p.Volume, p.New)
				if empty(p.New) && gone(err) {
					return nil // a directory that is gone has no limit
				}
				return err
			},
			Undo: func(ctx context.Context, _ *transaction.Call, p limitParams) error {
				if err := host.Set(ctx, p.Volume, p.Old); !gone(err) {
					return err
				}
				return nil
			},
			Effects: func(p limitParams, _ string) []api.Effect {
				return []api.Effect{{Action: api.ActionChange, Kind: api.OnXattr, Name: "limit of " + p.New.Path}}
			},
		}},
		Commit: func(p limitParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			guards := []store.Guard{volume.Records.MustBe(p.Volume, p.VolumeRevision)}
			if w, ok := limitWrite(p); ok {
				return []store.Write{w}, guards, none{}, nil
			}
			return nil, guards, none{}, nil
		},
	}
}

// limitWrite is the change of the record; false if there is none before and after.
func limitWrite(p limitParams) (store.Write, bool) {
	kind := volume.Limits(p.VolumeID)
	switch {
	case empty(p.New) && p.Revision == 0:
		return store.Write{}, false
	case empty(p.New):
		return kind.Delete(p.New.GFID, p.Revision), true
	case p.Revision == 0:
		return kind.Create(p.New.GFID, p.New), true
	}
	return kind.Update(p.New.GFID, p.New, p.Revision), true
}

func empty(l volume.Limit) bool { return l.Usage == nil && l.Objects == nil }

// gone says that the directory is not where it was, or that another is there now.
func gone(err error) bool { return api.IsKind(err, api.NotFound, api.Invalid, api.State) }

func limitPlan(rec volumeRecord, peerID string, old store.Record[volume.Limit], changed volume.Limit) transaction.Plan[limitParams] {
	before := volume.Limit{GFID: changed.GFID, Path: changed.Path, Usage: old.Value.Usage, Objects: old.Value.Objects}
	guards := []store.Guard{volume.Records.MustBe(rec.ID, rec.Revision)}
	kind := volume.Limits(rec.Value.ID)
	if old.Revision > 0 {
		guards = append(guards, kind.MustBe(changed.GFID, old.Revision))
	} else {
		guards = append(guards, kind.MustBeAbsent(changed.GFID))
	}
	return transaction.Plan[limitParams]{
		Params: limitParams{Volume: rec.ID, VolumeID: rec.Value.ID, VolumeRevision: rec.Revision, Peer: peerID, Old: before, New: changed, Revision: old.Revision},
		Peers:  []string{peerID}, Locks: []string{"quota/" + rec.Value.ID + "/" + changed.GFID}, Guards: guards,
	}
}

// SetLimit limits what a directory may hold.
func (c *Commands) SetLimit(ctx context.Context, name string, req api.QuotaLimitReq) (api.QuotaLimit, error) {
	bound, err := readBound(req)
	if err == nil {
		err = cleanPath(req.Path)
	}
	if err != nil {
		return api.QuotaLimit{}, err
	}
	rec, err := c.limited(ctx, name)
	if err != nil {
		return api.QuotaLimit{}, err
	}
	gfid, err := c.cfg.Host.Find(ctx, name, req.Path)
	if err != nil {
		return api.QuotaLimit{}, err
	}
	old, _, err := volume.Limits(rec.Value.ID).Get(c.cfg.Store, gfid)
	if err != nil {
		return api.QuotaLimit{}, err
	}
	changed := volume.Limit{GFID: gfid, Path: req.Path, Usage: old.Value.Usage, Objects: old.Value.Objects}
	if req.Type == api.QuotaObjects {
		changed.Objects = &bound
	} else {
		changed.Usage = &bound
	}
	if _, err := c.cfg.Ops.limit.Run(ctx, c.cfg.Engine, limitPlan(rec, c.cfg.PeerID, old, changed)); err != nil {
		return api.QuotaLimit{}, err
	}
	list := c.withUse(ctx, rec.Value, req.Type == api.QuotaObjects, []volume.Limit{changed})
	return list[0], nil
}

// readBound reads the limit of a request.
func readBound(req api.QuotaLimitReq) (volume.Bound, error) {
	b := volume.Bound{Soft: volume.SoftDefault}
	typ, err := limitType(req.Type)
	if err != nil {
		return b, err
	}
	var n int64
	ok := false
	if typ == api.QuotaUsage {
		n, ok = xlator.ParseSize(req.HardLimit)
	} else if n, err = strconv.ParseInt(req.HardLimit, 10, 64); err == nil {
		ok = true
	}
	if !ok || n <= 0 {
		want := "a size of at least 1 byte, such as 10GB"
		if typ == api.QuotaObjects {
			want = "a number of files and directories, at least 1"
		}
		return b, api.FieldErrorf("hard-limit", "hard limit %.40q: it must be %s", req.HardLimit, want)
	}
	b.Hard = uint64(n)
	if req.SoftLimit != nil {
		if b.Soft = *req.SoftLimit; b.Soft < 0 || b.Soft > 100 {
			return b, api.FieldErrorf("soft-limit-percent", "soft limit %d%%: it must be from 0 to 100 percent of the hard limit", b.Soft)
		}
	}
	return b, nil
}

// RemoveLimit takes a limit of a directory away.
func (c *Commands) RemoveLimit(ctx context.Context, name string, req api.QuotaRemoveReq) error {
	typ, err := limitType(req.Type)
	if err == nil {
		err = cleanPath(req.Path)
	}
	if err != nil {
		return err
	}
	rec, err := c.limited(ctx, name)
	if err != nil {
		return err
	}
	old, err := c.limitAt(ctx, rec.Value, req.Path)
	if err != nil {
		return err
	}
	changed := old.Value
	changed.Path = req.Path
	had := changed.Usage
	if typ == api.QuotaObjects {
		had, changed.Objects = changed.Objects, nil
	} else {
		changed.Usage = nil
	}
	if had == nil {
		return noLimit(name, req.Path, typ)
	}
	_, err = c.cfg.Ops.limit.Run(ctx, c.cfg.Engine, limitPlan(rec, c.cfg.PeerID, old, changed))
	return err
}

// limitAt finds the record of the limits of a directory: by what has the path now, or had it when the limit was set and is
// gone.
func (c *Commands) limitAt(ctx context.Context, v *volume.Volume, path string) (store.Record[volume.Limit], error) {
	kind := volume.Limits(v.ID)
	gfid, err := c.cfg.Host.Find(ctx, v.Name, path)
	if err == nil {
		rec, ok, err := kind.Get(c.cfg.Store, gfid)
		if err == nil && !ok {
			err = noLimit(v.Name, path, "")
		}
		return rec, err
	}
	if !gone(err) {
		return store.Record[volume.Limit]{}, err
	}
	recs, lerr := kind.List(c.cfg.Store)
	i := slices.IndexFunc(recs, func(r store.Record[volume.Limit]) bool { return r.Value.Path == path })
	if lerr != nil || i < 0 {
		return store.Record[volume.Limit]{}, err
	}
	return recs[i], nil
}

func noLimit(name, path, typ string) error {
	if typ != "" {
		typ += " "
	}
	return api.Errorf(api.NotFound, "%.200q in volume %s has no %slimit", path, name, typ).With(api.FieldField, "path")
}

// batch is how many limits one transaction takes away.
const batch = 500

type unlimitParams struct {
	Volume    string         `json:"volume"`
	VolumeID  string         `json:"volume-id"`
	Peer      string         `json:"peer"`
	Limits    []volume.Limit `json:"limits"`
	Revisions []int64        `json:"revisions"`
}

func unlimitOperation(host Host) transaction.Operation[unlimitParams, none] {
	return transaction.Operation[unlimitParams, none]{
		Name: "quota.unlimit", Version: 1,
		Steps: []transaction.Step[unlimitParams]{{
			Name:  "take-limits",
			Peers: func(p unlimitParams) []string { return []string{p.Peer} },
			Do: func(ctx context.Context, _ *transaction.Call, p unlimitParams) error {
				bare := make([]volume.Limit, len(p.Limits))
				for i, l := range p.Limits {
					bare[i] = volume.Limit{GFID: l.GFID, Path: l.Path}
				}
				return host.Apply(ctx, p.Volume, bare)
			},
			Undo: func(ctx context.Context, _ *transaction.Call, p unlimitParams) error {
				return host.Apply(ctx, p.Volume, p.Limits)
			},
			Effects: func(p unlimitParams, _ string) []api.Effect {
				out := make([]api.Effect, len(p.Limits))
				for i, l := range p.Limits {
					out[i] = api.Effect{Action: api.ActionDestroy, Kind: api.OnXattr, Name: "limit of " + l.Path}
				}
				return out
			},
		}},
		Commit: func(p unlimitParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			writes := make([]store.Write, len(p.Limits))
			for i, l := range p.Limits {
				writes[i] = volume.Limits(p.VolumeID).Delete(l.GFID, p.Revisions[i])
			}
			return writes, nil, none{}, nil
		},
	}
}

func unlimitPlan(rec volumeRecord, peerID string, limits []store.Record[volume.Limit]) transaction.Plan[unlimitParams] {
	p := unlimitParams{Volume: rec.ID, VolumeID: rec.Value.ID, Peer: peerID}
	for _, l := range limits {
		p.Limits = append(p.Limits, l.Value)
		p.Revisions = append(p.Revisions, l.Revision)
	}
	return transaction.Plan[unlimitParams]{
		Params: p, Peers: []string{peerID}, Locks: []string{"quota/" + rec.Value.ID},
		Guards: []store.Guard{volume.Records.MustBe(rec.ID, rec.Revision)},
	}
}

// unlimitAll takes all limits of a volume away, a batch at a time. The limits of directories that were renamed are found
// where the quota daemon knows them.
func (c *Commands) unlimitAll(ctx context.Context, rec volumeRecord) error {
	for {
		limits, err := volume.Limits(rec.Value.ID).List(c.cfg.Store)
		if err != nil || len(limits) == 0 {
			return err
		}
		limits = limits[:min(len(limits), batch)]
		c.refresh(ctx, rec.Value, limits)
		if _, err := c.cfg.Ops.unlimit.Run(ctx, c.cfg.Engine, unlimitPlan(rec, c.cfg.PeerID, limits)); err != nil {
			return err
		}
	}
}

// refresh replaces the paths of limits by those of today, as far as the quota daemon knows them.
func (c *Commands) refresh(ctx context.Context, v *volume.Volume, limits []store.Record[volume.Limit]) {
	gfids := make([]string, len(limits))
	for i, l := range limits {
		gfids[i] = l.ID
	}
	use, err := c.ask(ctx, v, useParams{GFIDs: gfids})
	if err != nil {
		return
	}
	for i, l := range limits {
		if path := use[l.ID].Path; path != "" {
			limits[i].Value.Path = path
		}
	}
}
