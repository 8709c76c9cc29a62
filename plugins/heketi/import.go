package heketi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

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
	// peers are those that look at what they have of it.
	peers []string
	do    func(ctx context.Context) ([]string, error)
}

// importer reads a dump beside what is on record.
type importer struct {
	s     *service
	t     *topology
	dump  heketi.Dump
	infos map[string]string
	nodes map[string]store.Record[*peer.Peer] // the peers of the dump's nodes, by node id
	busy  map[string]bool                     // what operations that Heketi has not finished name
	// volume reads the record of a volume.
	volume func(name string) (store.Record[*volume.Volume], bool, error)
	// warnings are what should be known of the whole.
	warnings []string
}

// Import puts on record what a dump of Heketi's database has: clusters, nodes, devices and volumes, under their ids. Nothing on the
// hosts is touched. What is on record already stays as it is, so that an import may be repeated, and come in parts.
func (p *Plugin) Import(ctx context.Context, req api.HeketiImportReq) (api.HeketiImport, error) {
	return p.service.importDump(ctx, req)
}

func (s *service) importDump(ctx context.Context, req api.HeketiImportReq) (api.HeketiImport, error) {
	i, pieces, err := s.readImport(ctx, req)
	if err != nil {
		return api.HeketiImport{}, err
	}
	if err := s.allAtWork(pieces); err != nil {
		return api.HeketiImport{}, err
	}
	if err := transaction.Propose(ctx, i.proposal(pieces)); err != nil {
		return api.HeketiImport{}, err
	}
	text, err := packed(req)
	if err != nil {
		return api.HeketiImport{}, err
	}
	return s.imports.Run(ctx, s.Engine, transaction.Plan[importParams]{Params: importParams{Request: text}, Locks: []string{importLock}})
}

// importLock keeps two imports apart.
const importLock = "heketi/import"

// importParams carry the request of an import.
type importParams struct {
	Request []byte `json:"request"` // as packed makes it: it may be as large as a record at most
}

// importCourse is an import as an operation: it goes on if a daemon dies, and a request that is repeated joins the one that runs.
func (s *service) importCourse() transaction.Course[importParams, api.HeketiImport] {
	return transaction.Course[importParams, api.HeketiImport]{Name: "heketi.import", Version: 1, Run: s.runImport}
}

// runImport does what is left to do until nothing of it waits for a peer that has gone away meanwhile: whoever carries an import on for a
// daemon that has died does so before that daemon, whose devices are among what it is about, has come back.
func (s *service) runImport(ctx context.Context, p importParams) (out api.HeketiImport, err error) {
	req, err := unpacked(p.Request)
	if err != nil {
		return out, err
	}
	for {
		i, pieces, err := s.readImport(ctx, req)
		if err == nil {
			transaction.Note(ctx, "")
			out, err = i.carryOut(ctx, pieces, out)
		}
		if !passing(err) {
			return out, err
		}
		transaction.Note(ctx, fmt.Sprintf("waits: %v", err))
		select {
		case <-time.After(s.importPause):
		case <-ctx.Done():
			return out, err
		}
	}
}

// passing reports whether an error passes by itself.
func passing(err error) bool { return api.IsKind(err, api.Unavailable, api.Timeout) }

// allAtWork refuses an import that would have to wait for a peer from its beginning on.
func (s *service) allAtWork(pieces []piece) error {
	for _, p := range pieces {
		for _, id := range p.peers {
			if _, ok := peer.Online(s.Store, id); !ok {
				return api.Errorf(api.Unavailable, "peer %s cannot be reached, which has to look at its part of %s: start it, then try again", peer.Hosts(s.Store)(id), p.Subject).
					With(api.FieldPeer, id)
			}
		}
	}
	return nil
}

// readImport reads a request, and what it would do.
func (s *service) readImport(ctx context.Context, req api.HeketiImportReq) (*importer, []piece, error) {
	t, err := s.topology(ctx)
	if err != nil {
		return nil, nil, err
	}
	i, err := newImporter(t, req)
	if err != nil {
		return nil, nil, err
	}
	i.s = s
	i.volume = func(name string) (store.Record[*volume.Volume], bool, error) {
		return volume.Records.Get(s.Store, name)
	}
	pieces, err := i.pieces()
	return i, pieces, err
}

// newImporter reads the dump of a request.
func newImporter(t *topology, req api.HeketiImportReq) (*importer, error) {
	dump, unknown, err := heketi.ParseDump(req.Dump)
	if err != nil {
		return nil, err
	}
	i := &importer{t: t, dump: dump, infos: req.Volumes, nodes: map[string]store.Record[*peer.Peer]{}, busy: busyIn(dump.PendingOperations)}
	if unknown != "" {
		i.warnings = append(i.warnings, "the dump has what this version does not know, and leaves aside: "+unknown)
	}
	return i, i.check()
}

// proposal is the plan of an import.
func (i *importer) proposal(pieces []piece) api.OperationPlan {
	plan := api.OperationPlan{Operation: "heketi.import", Warnings: append([]string{"nothing on the hosts is looked at before, and nothing is changed there"}, i.warnings...)}
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

// carryOut does one piece after the other. One that fails does not keep others from being done; the error is that of one that may be done
// later. Before is what an earlier round has come to.
func (i *importer) carryOut(ctx context.Context, pieces []piece, before api.HeketiImport) (out api.HeketiImport, later error) {
	out = api.HeketiImport{Steps: []api.HeketiImportStep{}, Warnings: append([]string{}, before.Warnings...)}
	for _, w := range i.warnings {
		if !slices.Contains(out.Warnings, w) {
			out.Warnings = append(out.Warnings, w)
		}
	}
	for n, p := range pieces {
		if p.do != nil {
			warnings, err := p.do(ctx)
			out.Warnings = append(out.Warnings, warnings...)
			if err != nil {
				p.Error = err.Error()
			}
			if later == nil && passing(err) {
				later = err
			}
		}
		if adopted(before, p.Subject) && p.Action == api.ImportKeep {
			p.Action = api.ImportAdopt
		}
		out.Steps = append(out.Steps, p.HeketiImportStep)
		transaction.Progress(ctx, int64(n+1), int64(len(pieces)), "entries")
	}
	return out, later
}

// adopted reports whether a round was to put something on record, which the next one finds there.
func adopted(round api.HeketiImport, subject string) bool {
	return slices.ContainsFunc(round.Steps, func(s api.HeketiImportStep) bool { return s.Subject == subject && s.Action == api.ImportAdopt })
}

// pieces are what the dump has, in the order in which each needs the ones before.
func (i *importer) pieces() ([]piece, error) {
	nodes, err := i.nodePieces()
	if err != nil {
		return nil, err
	}
	volumes, err := i.volumePieces()
	return slices.Concat(i.clusterPieces(), nodes, i.devicePieces(), volumes), err
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
			step(api.ImportAdopt, "cluster", id), created("heketi/clusters", id, ""), nil, i.editing(editParams{Clusters: []change[*Cluster]{{ID: id, New: c}}}),
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
		for other, same := range i.nodes {
			if same.ID == p.ID {
				return nil, api.FieldErrorf("dump", "the nodes %s and %s are both the peer %s", min(id, other), max(id, other), p.Value.Name)
			}
		}
		i.nodes[id] = p
		if n := i.t.ofPeer(p.ID); n != nil && n.revision > 0 {
			if n.ID != id {
				return nil, api.FieldErrorf("dump", "node %s (%v) is the peer %s, which is the node %s already", id, names, p.Value.Name, n.ID)
			}
			out = append(out, piece{HeketiImportStep: step(api.ImportKeep, "node", p.Value.Name)})
			continue
		}
		out = append(out, piece{step(api.ImportAdopt, "node", p.Value.Name), created("heketi/nodes", id, p.Value.Name), nil, i.editing(i.adoptNode(id, e, p))})
	}
	return out, nil
}

// adoptNode is the change that makes a peer the node of a dump.
func (i *importer) adoptNode(id string, e heketi.NodeEntry, p store.Record[*peer.Peer]) editParams {
	edit := i.t.newNode(e.Info.NodeAddRequest, p)
	edit.Nodes[0].ID, edit.Nodes[0].New.ID = id, id
	if e.State != heketi.StateOnline {
		edit.Nodes[0].New.State, edit.Peers[0].New.NoBricks = e.State, true
	}
	return edit
}

// peerCalled is the peer that has one of the names.
func (i *importer) peerCalled(names []string) (store.Record[*peer.Peer], error) {
	for _, name := range names {
		for _, p := range i.t.peers {
			if p.Value.Is(name) {
				return p, nil
			}
		}
	}
	return store.Record[*peer.Peer]{}, api.FieldErrorf("dump", "node %.200q is not in the pool: start gd2 on it, and probe it first", names)
}

func (i *importer) devicePieces() []piece {
	var out []piece
	for _, id := range slices.Sorted(maps.Keys(i.dump.Devices)) {
		e := i.dump.Devices[id]
		p := i.nodes[e.NodeId]
		name := p.Value.Name + ":" + e.Info.Name
		if i.t.device(id) != nil {
			out = append(out, piece{HeketiImportStep: step(api.ImportKeep, "device", name)})
			continue
		}
		d := device.Device{ID: id, PeerID: p.ID, Name: e.Info.Name, Provisioner: api.ProvisionerLVM, State: ours(e.State), Tags: e.Info.Tags}
		out = append(out, piece{step(api.ImportAdopt, "device", name), created("devices", id, name), []string{p.ID}, func(ctx context.Context) ([]string, error) {
			return nil, i.adoptDevice(ctx, d)
		}})
	}
	return out
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
	taken := map[string]uint64{} // by bricks that are left out, in KiB, by device id
	for _, id := range slices.Sorted(maps.Keys(i.dump.Volumes)) {
		e := i.dump.Volumes[id]
		p, err := i.volumePiece(id, e)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
		for _, b := range e.Bricks {
			if b := i.dump.Bricks[b]; p.Action == api.ImportSkip {
				taken[b.Info.DeviceID] += b.TpSize + b.PoolMetadataSize
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(taken)) {
		i.warnings = append(i.warnings, fmt.Sprintf("device %s: %d KiB of it are taken by bricks that are left out, and count as free: disable it, or remove them", i.nameOf(id), taken[id]))
	}
	return out, nil
}

// nameOf is what a device of the dump is called.
func (i *importer) nameOf(id string) string {
	e, there := i.dump.Devices[id]
	if !there {
		return id
	}
	return i.nodes[e.NodeId].Value.Name + ":" + e.Info.Name
}

func (i *importer) volumePiece(id string, e heketi.VolumeEntry) (piece, error) {
	name := e.Info.Name
	if have, there, err := i.volume(name); err != nil || there {
		if there && volumeID(have.Value) != id {
			err = api.FieldErrorf("dump", "volume %s of the dump has the id %s, and one of this name is in the pool already", name, id)
		}
		return piece{HeketiImportStep: step(api.ImportKeep, "volume", name)}, err
	}
	if why := i.barred(id, e); why != "" {
		p := piece{HeketiImportStep: step(api.ImportSkip, "volume", name)}
		p.Why = why
		return p, nil
	}
	v, err := i.adopted(id, e)
	if err != nil {
		return piece{}, err
	}
	return piece{step(api.ImportAdopt, "volume", name), created("volumes", name, fmt.Sprintf("%s, %d bricks, %s", v.TypeName(), len(v.Bricks()), v.State)), v.Peers(),
		func(ctx context.Context) (left []string, err error) {
			err = i.s.inTurn(ctx, func() error {
				left, err = i.s.Volumes.Adopt(ctx, v)
				return err
			})
			return left, err
		}}, nil
}
