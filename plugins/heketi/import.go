package heketi

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
	"gd2/store"
	"gd2/transaction"
)

// piece is one thing that an import puts on record, or not.
type piece struct {
	api.HeketiImportStep
	record api.Effect
	do     func(ctx context.Context) ([]string, error)
}

// importer reads a dump beside what is on record.
type importer struct {
	s     *service
	t     *topology
	dump  heketi.Dump
	infos map[string]string
	nodes map[string]store.Record[*peer.Peer] // the peers of the dump's nodes, by node id
}

// Import puts on record what a dump of Heketi's database has: clusters, nodes, devices and volumes, under their ids. Nothing on the
// hosts is touched. What is on record already stays as it is, so that an import may be repeated, and come in parts.
func (p *Plugin) Import(ctx context.Context, req api.HeketiImportReq) (api.HeketiImport, error) {
	return p.service.importDump(ctx, req)
}

func (s *service) importDump(ctx context.Context, req api.HeketiImportReq) (api.HeketiImport, error) {
	i := &importer{s: s, infos: req.Volumes, nodes: map[string]store.Record[*peer.Peer]{}}
	if err := json.Unmarshal(req.Dump, &i.dump); err != nil {
		return api.HeketiImport{}, api.FieldErrorf("dump", "the dump is none of Heketi's database: %v", err)
	}
	var err error
	if i.t, err = s.topology(ctx); err != nil {
		return api.HeketiImport{}, err
	}
	pieces, err := i.pieces()
	if err != nil {
		return api.HeketiImport{}, err
	}
	if err := transaction.Propose(ctx, proposal(pieces)); err != nil {
		return api.HeketiImport{}, err
	}
	return carryOut(transaction.Part(ctx), pieces), nil
}

// proposal is the plan of an import.
func proposal(pieces []piece) api.OperationPlan {
	plan := api.OperationPlan{Operation: "heketi.import", Warnings: []string{"nothing on the hosts is looked at before, and nothing is changed there"}}
	for _, p := range pieces {
		switch p.Action {
		case api.ImportAdopt:
			plan.Records = append(plan.Records, p.record)
		case api.ImportSkip:
			plan.Warnings = append(plan.Warnings, p.Subject+" is left out: "+p.Why)
		}
	}
	return plan
}

// carryOut does one piece after the other. One that fails does not keep others from being done.
func carryOut(ctx context.Context, pieces []piece) api.HeketiImport {
	out := api.HeketiImport{Steps: []api.HeketiImportStep{}, Warnings: []string{}}
	for _, p := range pieces {
		if p.do != nil {
			warnings, err := p.do(ctx)
			out.Warnings = append(out.Warnings, warnings...)
			if err != nil {
				p.Error = err.Error()
			}
		}
		out.Steps = append(out.Steps, p.HeketiImportStep)
	}
	return out
}

// pieces are what the dump has, in the order in which each needs the ones before.
func (i *importer) pieces() ([]piece, error) {
	nodes, err := i.nodePieces()
	if err != nil {
		return nil, err
	}
	devices, err := i.devicePieces()
	if err != nil {
		return nil, err
	}
	volumes, err := i.volumePieces()
	return slices.Concat(i.clusterPieces(), nodes, devices, volumes), err
}

func step(action, kind, name string) api.HeketiImportStep {
	return api.HeketiImportStep{Subject: kind + " " + name, Action: action}
}

func created(record, id, note string) api.Effect {
	return api.Effect{Action: api.ActionCreate, Kind: api.OnRecord, Name: record + "/" + id, Note: note}
}

// editing is the work of a piece that is records alone.
func (i *importer) editing(p editParams) func(ctx context.Context) ([]string, error) {
	return func(ctx context.Context) ([]string, error) {
		return nil, i.s.inTurn(ctx, func() error { return i.s.edit(ctx, p) })
	}
}

func (i *importer) clusterPieces() []piece {
	var out []piece
	for _, id := range slices.Sorted(maps.Keys(i.dump.Clusters)) {
		if i.t.cluster(id) != nil {
			out = append(out, piece{HeketiImportStep: step(api.ImportKeep, "cluster", id)})
			continue
		}
		flags := i.dump.Clusters[id].Info.ClusterFlags
		c := &Cluster{ID: id, Block: flags.Block, File: flags.File}
		out = append(out, piece{
			step(api.ImportAdopt, "cluster", id), created("heketi/clusters", id, ""), i.editing(editParams{Clusters: []change[*Cluster]{{ID: id, New: c}}}),
		})
	}
	return out
}

// nodePieces demands that every node is a peer: what is on it cannot be seen otherwise.
func (i *importer) nodePieces() ([]piece, error) {
	var out []piece
	for _, id := range slices.Sorted(maps.Keys(i.dump.Nodes)) {
		e := i.dump.Nodes[id]
		names := slices.Concat(e.Info.Hostnames.Manage, e.Info.Hostnames.Storage)
		p, err := i.peerCalled(names)
		if err != nil {
			return nil, err
		}
		i.nodes[id] = p
		if n := i.t.ofPeer(p.ID); n != nil && n.revision > 0 {
			if n.ID != id {
				return nil, api.FieldErrorf("dump", "node %s (%v) is the peer %s, which is the node %s already", id, names, p.Value.Name, n.ID)
			}
			out = append(out, piece{HeketiImportStep: step(api.ImportKeep, "node", p.Value.Name)})
			continue
		}
		out = append(out, piece{step(api.ImportAdopt, "node", p.Value.Name), created("heketi/nodes", id, p.Value.Name), i.editing(adoptNode(id, e, p))})
	}
	return out, nil
}

// adoptNode is the change that makes a peer the node of a dump.
func adoptNode(id string, e heketi.NodeEntry, p store.Record[*peer.Peer]) editParams {
	edit := newNode(e.Info.NodeAddRequest, p)
	edit.Nodes[0].ID, edit.Nodes[0].New.ID = id, id
	if e.State == heketi.StateOffline || e.State == heketi.StateFailed {
		edit.Nodes[0].New.State, edit.Peers[0].New.NoBricks = e.State, true
	}
	return edit
}

// peerCalled is the peer that has one of the names.
func (i *importer) peerCalled(names []string) (store.Record[*peer.Peer], error) {
	for _, name := range names {
		rec, err := peer.Find(i.s.Store, name)
		if err == nil || !api.IsKind(err, api.NotFound) {
			return rec, err
		}
	}
	return store.Record[*peer.Peer]{}, api.FieldErrorf("dump", "node %v is not in the pool: start gd2 on it, and probe it first", names)
}

func (i *importer) devicePieces() ([]piece, error) {
	var out []piece
	for _, id := range slices.Sorted(maps.Keys(i.dump.Devices)) {
		e := i.dump.Devices[id]
		p, known := i.nodes[e.NodeId]
		if !known {
			return nil, api.FieldErrorf("dump", "device %s (%s) is of node %q, which the dump does not have", id, e.Info.Name, e.NodeId)
		}
		name := p.Value.Name + ":" + e.Info.Name
		if i.t.device(id) != nil {
			out = append(out, piece{HeketiImportStep: step(api.ImportKeep, "device", name)})
			continue
		}
		d := device.Device{ID: id, PeerID: p.ID, Name: e.Info.Name, Provisioner: api.ProvisionerLVM, State: ours(e.State), Tags: e.Info.Tags}
		if _, hex := asUUID(id); !hex || d.State == "" {
			return nil, api.FieldErrorf("dump", "device %.40q in state %.40q is none of Heketi's", id, e.State)
		}
		out = append(out, piece{step(api.ImportAdopt, "device", name), created("devices", id, name), func(ctx context.Context) ([]string, error) {
			return nil, i.adoptDevice(ctx, d)
		}})
	}
	return out, nil
}

// adoptDevice looks for the peer anew: the node's piece has changed its record.
func (i *importer) adoptDevice(ctx context.Context, d device.Device) error {
	return i.s.inTurn(ctx, func() error {
		_, err := i.s.Devices.Adopt(ctx, d)
		return err
	})
}

func (i *importer) volumePieces() ([]piece, error) {
	var out []piece
	for _, id := range slices.Sorted(maps.Keys(i.dump.Volumes)) {
		e := i.dump.Volumes[id]
		p, err := i.volumePiece(id, e)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (i *importer) volumePiece(id string, e heketi.VolumeEntry) (piece, error) {
	name := e.Info.Name
	if have, there, err := volume.Records.Get(i.s.Store, name); err != nil || there {
		if there && volumeID(have.Value) != id {
			err = api.FieldErrorf("dump", "volume %s of the dump has the id %s, and one of this name is in the pool already", name, id)
		}
		return piece{HeketiImportStep: step(api.ImportKeep, "volume", name)}, err
	}
	if why := i.barred(e); why != "" {
		p := piece{HeketiImportStep: step(api.ImportSkip, "volume", name)}
		p.Why = why
		return p, nil
	}
	v, err := i.volume(id, e)
	if err != nil {
		return piece{}, err
	}
	return piece{step(api.ImportAdopt, "volume", name), created("volumes", name, fmt.Sprintf("%s, %d bricks, %s", v.TypeName(), len(v.Bricks()), v.State)),
		func(ctx context.Context) (left []string, err error) {
			err = i.s.inTurn(ctx, func() error {
				left, err = i.s.Volumes.Adopt(ctx, v)
				return err
			})
			return left, err
		}}, nil
}

// barred says why a volume cannot be taken over.
func (i *importer) barred(e heketi.VolumeEntry) string {
	switch {
	case e.Pending.Id != "":
		return "Heketi has not finished an operation on it: let it, or clean up there first"
	case e.Info.Block:
		return "it hosts block volumes, which are not supported yet"
	case i.infos[e.Info.Name] == "":
		return "glusterd's file vols/" + e.Info.Name + "/info is missing: it tells the order of the bricks"
	}
	for _, id := range e.Bricks {
		if b, there := i.dump.Bricks[id]; there && (b.LvmLv != "" && b.LvmLv != "brick_"+id || b.LvmThinPool != "" && b.LvmThinPool != "tp_"+id) {
			return "brick " + id + " is a clone's, in logical volumes with names of their own"
		}
	}
	return ""
}

// volume is a volume of the dump, with the bricks in the order that glusterd knows.
func (i *importer) volume(id string, e heketi.VolumeEntry) (*volume.Volume, error) {
	name := e.Info.Name
	g, err := parseInfo(name, i.infos[name])
	if err != nil {
		return nil, err
	}
	bricks, err := i.bricks(e, g)
	if err != nil {
		return nil, err
	}
	v, err := g.volume(name, bricks)
	if err != nil {
		return nil, err
	}
	v.Capacity, v.GID = uint64(max(e.Info.Size, 0))<<30, int(e.Info.Gid)
	v.Metadata = map[string]string{metaID: id}
	if e.Info.Snapshot.Enable {
		v.Metadata[metaFactor] = strconv.FormatFloat(float64(e.Info.Snapshot.Factor), 'g', -1, 32)
	}
	return v, nil
}

// bricks are the bricks of a volume in glusterd's order.
func (i *importer) bricks(e heketi.VolumeEntry, g *glusterdVolume) ([]volume.Brick, error) {
	byPath := map[string]volume.Brick{}
	for _, id := range e.Bricks {
		b, there := i.dump.Bricks[id]
		p, known := i.nodes[b.Info.NodeID]
		if !there || !known {
			return nil, api.FieldErrorf("dump", "volume %s: its brick %s, or the node of that, is not in the dump", e.Info.Name, id)
		}
		if i.dump.Devices[b.Info.DeviceID].NodeId != b.Info.NodeID && i.t.device(b.Info.DeviceID) == nil {
			return nil, api.FieldErrorf("dump", "brick %s is on device %q, which is not on its node", id, b.Info.DeviceID)
		}
		byPath[strings.ReplaceAll(b.Info.Path, "/", "-")] = volume.Brick{
			ID: id, PeerID: p.ID, Path: b.Info.Path, Device: b.Info.DeviceID, Size: b.Info.Size * kib, Pool: b.TpSize * kib, Cost: (b.TpSize + b.PoolMetadataSize) * kib,
		}
	}
	if len(byPath) != len(g.bricks) {
		return nil, api.FieldErrorf("volumes", "volume %s has %d bricks in the dump and %d in glusterd's info", e.Info.Name, len(byPath), len(g.bricks))
	}
	out := make([]volume.Brick, len(g.bricks))
	for n, at := range g.bricks {
		_, path, _ := strings.Cut(at, ":")
		b, there := byPath[path]
		if !there {
			return nil, api.FieldErrorf("volumes", "volume %s: the brick %.120s of glusterd's info is not in the dump", e.Info.Name, at)
		}
		out[n] = b
	}
	return out, nil
}
