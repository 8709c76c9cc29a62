package volumes

import (
	"context"
	"errors"
	"hash/fnv"
	"path/filepath"

	"github.com/google/uuid"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/provision"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// Sizes of bricks, in bytes.
const (
	// minXFS is the smallest filesystem that mkfs.xfs makes.
	minXFS = 300 << 20
	// minVolume is the smallest volume of a size, glusterd2's.
	minVolume = 20 << 20
)

// planSubvols lays out the bricks of a new volume: those that the request names, or those that gd2 makes if it asks for
// a size. The claims are what the latter take of devices.
func (c *Commands) planSubvols(req api.VolumeCreateReq, peers map[string]int64) ([]volume.Subvol, map[string]transaction.Claim, error) {
	if req.Size == 0 {
		if field := req.Given(); field != "" {
			return nil, nil, api.FieldErrorf(field, "%s is for volumes that are asked for by their size: give size too, or name the bricks in subvols only", field)
		}
		subvols, err := volume.Layout(req.Subvols, func(b api.BrickReq) (volume.Placed, error) { return c.place(b, peers) }, uuid.NewString)
		return subvols, nil, err
	}
	if len(req.Subvols) > 0 {
		return nil, nil, api.FieldErrorf("subvols", "subvols with size: either gd2 makes the bricks, or you name them")
	}
	want, err := sizedRequest(req)
	if err != nil {
		return nil, nil, err
	}
	if err := c.resolveLimits(&want); err != nil {
		return nil, nil, err
	}
	devices, err := c.readDevices(req.ProvisionerType)
	if err != nil {
		return nil, nil, err
	}
	plan, err := provision.Place(want, devices.list)
	if err != nil {
		return nil, nil, asRefusal(err)
	}
	subvols, claims, err := devices.subvols(plan, &want)
	if err != nil {
		return nil, nil, err
	}
	for _, b := range (&volume.Volume{Subvols: subvols}).Bricks() {
		peers[b.PeerID] = devices.peers[b.PeerID]
	}
	return subvols, claims, nil
}

// sizedRequest is a request as the planner reads it.
func sizedRequest(req api.VolumeCreateReq) (provision.Request, error) {
	if req.Size < minVolume {
		return provision.Request{}, api.FieldErrorf("size", "size %d: a volume has at least %d bytes", req.Size, minVolume)
	}
	seed := fnv.New64a()
	_, _ = seed.Write([]byte(req.Name))
	out := provision.Request{
		Size: req.Size, Replica: max(req.ReplicaCount, 1), Arbiter: req.ArbiterCount, Distribute: req.DistributeCount,
		MaxBrick: req.MaxBrickSize, AverageFile: req.AverageFileSize, Domain: provision.Zone, Seed: seed.Sum64(),
		LimitPeers: req.LimitPeers, LimitZones: req.LimitZones, ExcludePeers: req.ExcludePeers, ExcludeZones: req.ExcludeZones,
	}
	if req.ReplicaCount < 0 {
		return out, api.FieldErrorf("replica", "replica %d: it must be at least 1", req.ReplicaCount)
	}
	if req.ArbiterCount == 1 && req.ReplicaCount == 2 {
		out.Replica = 3 // "replica 2 arbiter 1" is two copies and an arbiter, in glusterd's words replica 3
	}
	if req.SubvolZonesOverlap {
		out.Domain = provision.Peer
	}
	if req.SnapshotEnabled {
		out.Reserve = req.SnapshotReserveFactor
	}
	if req.DisperseCount > 0 || req.DisperseData > 0 || req.DisperseRedundancy > 0 {
		total, redundancy, err := volume.DisperseCounts(req.DisperseCount, req.DisperseData, req.DisperseRedundancy, 0)
		if err != nil {
			return out, err
		}
		out.Data, out.Redundancy = total-redundancy, redundancy
	}
	for _, rule := range req.MatchTags {
		parsed, err := provision.ParseRule(rule)
		if err != nil {
			return out, err
		}
		out.Rules = append(out.Rules, parsed)
	}
	return out, out.Validate()
}

// resolveLimits puts ids in place of the names of peers.
func (c *Commands) resolveLimits(r *provision.Request) error {
	for _, list := range []*[]string{&r.LimitPeers, &r.ExcludePeers} {
		ids := make([]string, len(*list))
		for i, name := range *list {
			rec, err := peer.Find(c.Store, name)
			if err != nil {
				return err
			}
			ids[i] = rec.ID
		}
		*list = ids
	}
	return nil
}

// asRefusal is a refusal of the planner as REST clients see it.
func asRefusal(err error) error {
	var r *provision.Refusal
	if errors.As(err, &r) {
		return r.APIError()
	}
	return err
}

// deviceView is the devices as one plan sees them.
type deviceView struct {
	list    []provision.Device
	records map[string]*device.Device
	claims  map[string]int64 // the state of claims, by device id
	peers   map[string]int64 // the revisions of peers' records, by peer id
}

// readDevices reads what the planner has to know. The state of claims is read before what is free: see transaction.Claim.
func (c *Commands) readDevices(kind string) (*deviceView, error) {
	recs, err := device.Records.List(c.Store)
	if err != nil {
		return nil, err
	}
	v := &deviceView{records: map[string]*device.Device{}, claims: map[string]int64{}, peers: map[string]int64{}}
	for _, rec := range recs {
		if v.claims[rec.ID], err = transaction.ClaimRevision(c.Store, device.ClaimPrefix+rec.ID); err != nil {
			return nil, err
		}
	}
	uses, err := device.Uses(c.Store)
	if err != nil {
		return nil, err
	}
	peers, err := peer.Records.List(c.Store)
	if err != nil {
		return nil, err
	}
	byID := map[string]store.Record[*peer.Peer]{}
	for _, p := range peers {
		byID[p.ID], v.peers[p.ID] = p, p.Revision
	}
	for _, rec := range recs {
		d := rec.Value
		v.records[d.ID] = d
		v.list = append(v.list, c.candidate(d, byID[d.PeerID].Value, uses[d.ID], kind))
	}
	return v, nil
}

// candidate is one device as the planner sees it.
func (c *Commands) candidate(d *device.Device, p *peer.Peer, use device.Use, kind string) provision.Device {
	out := provision.Device{
		ID: d.ID, PeerID: d.PeerID, Name: d.Name, Size: d.Size, Free: d.Free(use), Bricks: use.Bricks,
		Sizing: provision.Sizing{Unit: d.Unit, Thin: d.Provisioner == api.ProvisionerLVM, MinBrick: minXFS},
	}
	if d.Provisioner == api.ProvisionerDirectory {
		out.Sizing.MinBrick = 0
	}
	if p == nil {
		out.Unusable = "on a peer that is not in the pool"
		return out
	}
	out.Host, out.Zone, out.Tags = p.Host, p.Zone(), d.AllTags(p)
	_, online := peer.Online(c.Store, d.PeerID)
	switch {
	case p.Leaving:
		out.Unusable = "on a peer that is being detached"
	case p.NoBricks:
		out.Unusable = "on a peer that is set to get no bricks"
	case !online && d.PeerID != c.PeerID:
		out.Unusable = "on a peer that cannot be reached"
	case d.State != api.DeviceEnabled:
		out.Unusable = d.State
	case c.Engine.LockHeld(device.Lock(d.ID)):
		out.Unusable = "being changed"
	case kind != "" && d.Provisioner != kind:
		out.Unusable = "for the provisioner " + d.Provisioner
	}
	return out
}

// subvols are the bricks of a plan, and what they claim.
func (v *deviceView) subvols(plan provision.Plan, r *provision.Request) ([]volume.Subvol, map[string]transaction.Claim, error) {
	claims := map[string]transaction.Claim{}
	var reqs []api.SubvolReq
	var bricks []volume.Brick
	for _, set := range plan.Subvols {
		req := api.SubvolReq{ReplicaCount: r.Replica, ArbiterCount: r.Arbiter}
		if r.Data > 0 {
			req = api.SubvolReq{DisperseCount: r.Data + r.Redundancy, DisperseRedundancy: r.Redundancy}
		}
		for _, b := range set {
			bricks = append(bricks, v.brick(b))
			req.Bricks = append(req.Bricks, api.BrickReq{PeerID: b.PeerID, Path: bricks[len(bricks)-1].Path})
			v.claim(claims, b)
		}
		reqs = append(reqs, req)
	}
	return layOut(reqs, bricks, claims)
}

// layOut gives subvolumes the bricks that were made for them, in order.
func layOut(reqs []api.SubvolReq, bricks []volume.Brick, claims map[string]transaction.Claim) ([]volume.Subvol, map[string]transaction.Claim, error) {
	n := 0
	place := func(b api.BrickReq) (volume.Placed, error) { return volume.Placed{PeerID: b.PeerID, Path: b.Path}, nil }
	newID := func() string { n++; return bricks[n-1].ID }
	subvols, err := volume.Layout(reqs, place, newID)
	if err != nil {
		return nil, nil, err
	}
	n = 0
	for i := range subvols {
		for j := range subvols[i].Bricks {
			b := &subvols[i].Bricks[j]
			b.Device, b.Size, b.Cost, b.Pool = bricks[n].Device, bricks[n].Size, bricks[n].Cost, bricks[n].Pool
			n++
		}
	}
	return subvols, claims, nil
}

func (v *deviceView) claim(claims map[string]transaction.Claim, b provision.Brick) {
	name := device.ClaimPrefix + b.DeviceID
	claims[name] = transaction.Claim{Amount: claims[name].Amount + b.Cost, Revision: v.claims[b.DeviceID]}
}

// brick is a brick of a plan, under a new id. Its directory is inside the filesystem that is made for it: files never
// land below it while that is not mounted.
func (v *deviceView) brick(b provision.Brick) volume.Brick {
	id := uuid.NewString()
	return volume.Brick{
		ID: id, PeerID: b.PeerID, Path: filepath.Join(v.records[b.DeviceID].Folder(id), "brick"), Arbiter: b.Arbiter,
		Device: b.DeviceID, Size: b.Size, Cost: b.Cost, Pool: b.Pool,
	}
}

// replans bounds how often a plan is made anew because others took what it had counted on. Each time one of them gets on.
const replans = 200

// planned runs a try to plan and carry out again as long as it loses what it has counted on to others.
func planned(ctx context.Context, try func() error) error {
	for n := 0; ; n++ {
		err := try()
		if n >= replans || !transaction.ClaimLost(err) || ctx.Err() != nil {
			return err
		}
	}
}
