package heketi

import (
	"context"
	"slices"

	"gd2/glusterd2/peer"
	"gd2/store"
	"gd2/transaction"
)

// Cluster is the record of a cluster: a grouping of nodes.
type Cluster struct {
	ID    string `json:"id"`
	Block bool   `json:"block"`
	File  bool   `json:"file"`
}

// Node is the record of a node: what Heketi knows of a peer and gd2 does not.
type Node struct {
	// ID is the peer's, without dashes, or that of the node in the Heketi that it was taken over from.
	ID      string `json:"id"`
	PeerID  string `json:"peer-id"`
	Cluster string `json:"cluster"`
	// Manage and Storage are its names, as they were given.
	Manage  []string `json:"manage"`
	Storage []string `json:"storage"`
	// State is one of Heketi's states of a node.
	State string `json:"state"`
}

// Mode is the record of what is refused: one of Heketi's modes.
type Mode struct {
	State string `json:"state"`
}

var (
	clusterRecords = store.NewKind[*Cluster](store.PrefixHeketiClusters, 1)
	nodeRecords    = store.NewKind[*Node](store.PrefixHeketiNodes, 1)
	modeRecord     = store.NewKind[*Mode](store.PrefixHeketiMode, 1)
)

// topologyLock is the lock of every change of clusters and nodes: they are few and quick.
const topologyLock = "heketi/topology"

// change is a record as it becomes: nil goes. Revision is that of the record that was read, 0 for one that is new.
type change[T any] struct {
	ID       string `json:"id"`
	New      T      `json:"new"`
	Gone     bool   `json:"gone,omitempty"`
	Revision int64  `json:"revision"`
}

func (c change[T]) write(k store.Kind[T]) store.Write {
	switch {
	case c.Gone:
		return k.Delete(c.ID, c.Revision)
	case c.Revision == 0:
		return k.Create(c.ID, c.New)
	}
	return k.Update(c.ID, c.New, c.Revision)
}

// guards demand that records are as they were read: a change that has lost to another is planned again before it begins, and not after.
func guards[T any](k store.Kind[T], changes []change[T]) []store.Guard {
	var out []store.Guard
	for _, c := range changes {
		if c.Revision == 0 {
			out = append(out, k.MustBeAbsent(c.ID))
			continue
		}
		out = append(out, k.MustBe(c.ID, c.Revision))
	}
	return out
}

// editParams are the records that a change is made of.
type editParams struct {
	Clusters []change[*Cluster]   `json:"clusters,omitempty"`
	Nodes    []change[*Node]      `json:"nodes,omitempty"`
	Peers    []change[*peer.Peer] `json:"peers,omitempty"`
	Mode     []change[*Mode]      `json:"mode,omitempty"`
	edited
}

// edited is the result of a change.
type edited struct {
	// Location is the path of what was made, if anything was.
	Location string `json:"location,omitempty"`
	// Emptied are the devices that are to be empty before the job has ended, by id.
	Emptied []string `json:"emptied,omitempty"`
}

// editName is the name of the operation that changes records.
const editName = "heketi.edit"

func editOperation() transaction.Operation[editParams, edited] {
	return transaction.Operation[editParams, edited]{
		Name: editName, Version: 1,
		Commit: func(p editParams, _ transaction.Outputs) ([]store.Write, []store.Guard, edited, error) {
			var writes []store.Write
			for _, c := range p.Clusters {
				writes = append(writes, c.write(clusterRecords))
			}
			for _, c := range p.Nodes {
				writes = append(writes, c.write(nodeRecords))
			}
			for _, c := range p.Peers {
				writes = append(writes, c.write(peer.Records))
			}
			for _, c := range p.Mode {
				writes = append(writes, c.write(modeRecord))
			}
			return writes, nil, p.edited, nil
		},
	}
}

// Operations are the registered transactions of this package.
type Operations struct {
	edit transaction.Handle[editParams, edited]
}

// Register adds them to a registry.
func Register(r *transaction.Registry) Operations {
	return Operations{edit: transaction.Register(r, editOperation())}
}

// edit carries a change of records out.
func (s *service) edit(ctx context.Context, p editParams) error {
	_, err := s.ops.edit.Run(ctx, s.Engine, editPlan(p))
	return err
}

func editPlan(p editParams) transaction.Plan[editParams] {
	plan := transaction.Plan[editParams]{Params: p, Locks: []string{topologyLock}, Guards: slices.Concat(
		guards(clusterRecords, p.Clusters), guards(nodeRecords, p.Nodes), guards(peer.Records, p.Peers), guards(modeRecord, p.Mode),
	)}
	for _, c := range p.Peers {
		plan.Locks = append(plan.Locks, "peer/"+c.ID)
	}
	return plan
}
