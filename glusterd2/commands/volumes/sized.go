package volumes

import (
	"context"
	"errors"
	"hash/fnv"
	"path/filepath"
	"slices"

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

// layout is the bricks of a new volume.
type layout struct {
	subvols []volume.Subvol
	// placement and claims are those of bricks that gd2 makes: by which rules, and what they take of devices.
	placement *volume.Placement
	claims    map[string]transaction.Claim
}

// planSubvols lays out the bricks of a new volume: those that the request names, or those that gd2 makes if it asks for
// a size.
func (c *Commands) planSubvols(req api.VolumeCreateReq, peers map[string]int64) (layout, error) {
	if req.Size == 0 {
		if field := req.Given(); field != "" {
			return layout{}, api.FieldErrorf(field, "%s is for volumes that are asked for by their size: give size too, or name the bricks in subvols only", field)
		}
		subvols, err := volume.Layout(req.Subvols, func(b api.BrickReq) (volume.Placed, error) { return c.place(b, peers) }, uuid.NewString)
		return layout{subvols: subvols}, err
	}
	if len(req.Subvols) > 0 {
		return layout{}, api.FieldErrorf("subvols", "subvols with size: either gd2 makes the bricks, or you name them")
	}
	want, err := sizedRequest(req)
	if err != nil {
		return layout{}, err
	}
	if err := c.resolveLimits(&want); err != nil {
		return layout{}, err
	}
	devices, err := c.readDevices(req.ProvisionerType)
	if err != nil {
		return layout{}, err
	}
	plan, err := provision.Place(want, devices.list)
	if err != nil {
		return layout{}, asRefusal(err)
	}
	out := layout{placement: placementOf(req, want), claims: map[string]transaction.Claim{}}
	out.subvols, err = devices.subvols(plan, &want, out.claims)
	devices.guard(peers, out.subvols)
	return out, err
}

// guard notes the revisions of the peers that get bricks.
func (v *deviceView) guard(peers map[string]int64, subvols []volume.Subvol) {
	for b := range (&volume.Volume{Subvols: subvols}).All() {
		peers[b.PeerID] = v.peers[b.PeerID]
	}
}

// placementOf is what a volume keeps of the request that it was made by, whose limits name peers by id.
func placementOf(req api.VolumeCreateReq, r provision.Request) *volume.Placement {
	return &volume.Placement{
		MaxBrick: r.MaxBrick, AverageFile: r.AverageFile, Reserve: r.Reserve, ZonesOverlap: r.Domain == provision.Peer,
		Provisioner: req.ProvisionerType, MatchTags: req.MatchTags,
		LimitPeers: r.LimitPeers, LimitZones: r.LimitZones, ExcludePeers: r.ExcludePeers, ExcludeZones: r.ExcludeZones,
	}
}

// requestOf asks for more room for a volume, by the rules that it was made by. The seed tells requests apart.
func requestOf(v *volume.Volume, size uint64, seed string) (provision.Request, error) {
	p, shape := v.Placement, v.Shape()
	if p == nil {
		p = &volume.Placement{}
	}
	out := provision.Request{
		Size: size, Replica: max(shape.Replica, 1), Arbiter: shape.Arbiter, Redundancy: shape.Redundancy,
		MaxBrick: p.MaxBrick, AverageFile: p.AverageFile, Reserve: p.Reserve, Domain: provision.Zone, Seed: seedOf(seed),
		LimitPeers: p.LimitPeers, LimitZones: p.LimitZones, ExcludeZones: p.ExcludeZones,
	}
	if shape.Type == api.SubvolDisperse {
		out.Replica, out.Data = 1, shape.Disperse-shape.Redundancy
	}
	if p.ZonesOverlap {
		out.Domain = provision.Peer
	}
	out.ExcludePeers = slices.Clone(p.ExcludePeers) // others may be added
	for _, rule := range p.MatchTags {
		parsed, err := provision.ParseRule(rule)
		if err != nil {
			return out, err
		}
		out.Rules = append(out.Rules, parsed)
	}
	return out, nil
}

// seedOf makes requests that differ spread over equally good devices.
func seedOf(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return h.Sum64()
}

// sizedRequest is a request as the planner reads it.
func sizedRequest(req api.VolumeCreateReq) (provision.Request, error) {
	if req.Size < minVolume {
		return provision.Request{}, api.FieldErrorf("size", "size %d: a volume has at least %d bytes", req.Size, minVolume)
	}
	out := provision.Request{
		Size: req.Size, Replica: max(req.ReplicaCount, 1), Arbiter: req.ArbiterCount, Distribute: req.DistributeCount,
		MaxBrick: req.MaxBrickSize, AverageFile: req.AverageFileSize, Domain: provision.Zone, Seed: seedOf(req.Name),
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
	keptFor := map[string]string{}
	for _, rec := range recs {
		if e := rec.Value.Evacuation; e != nil && e.To != "" && e.Done.IsZero() {
			keptFor[e.To] = rec.ID
		}
	}
	for _, rec := range recs {
		d := rec.Value
		v.records[d.ID] = d
		v.list = append(v.list, c.candidate(d, byID[d.PeerID].Value, uses[d.ID], kind))
		v.list[len(v.list)-1].KeptFor = keptFor[d.ID]
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
	out.Host, out.Zone, out.Tags, out.Replaces = p.Host, p.Zone(), d.AllTags(p), p.Replaces
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

// subvols are the bricks of a plan; what they take of devices is added to the claims.
func (v *deviceView) subvols(plan provision.Plan, r *provision.Request, claims map[string]transaction.Claim) ([]volume.Subvol, error) {
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
			v.claim(claims, b.DeviceID, b.Cost)
		}
		reqs = append(reqs, req)
	}
	place := func(b api.BrickReq) (volume.Placed, error) { return volume.Placed{PeerID: b.PeerID, Path: b.Path}, nil }
	subvols, err := volume.Layout(reqs, place, idsOf(bricks))
	return (&volume.Volume{Subvols: subvols}).On(bricks).Subvols, err
}

// idsOf returns the ids of bricks, one with each call.
func idsOf(bricks []volume.Brick) func() string {
	n := 0
	return func() string { n++; return bricks[n-1].ID }
}

// claim adds bytes of a device to the claims.
func (v *deviceView) claim(claims map[string]transaction.Claim, deviceID string, bytes uint64) {
	name := device.ClaimPrefix + deviceID
	claims[name] = transaction.Claim{Amount: claims[name].Amount + bytes, Revision: v.claims[deviceID]}
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
