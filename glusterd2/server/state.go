package server

import (
	"context"

	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/rest"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/transaction"
)

var _ rest.State = system{}

// State implements rest.State. Peers and volumes are as of one moment of the store or later ones; what runs is asked.
func (s system) State(ctx context.Context) (api.PoolState, error) {
	out := api.PoolState{ClusterID: s.ClusterID(), PeerID: s.PeerID(), Version: s.Version(), Volumes: []api.VolumeState{}}
	if err := s.store.Sync(ctx); err != nil {
		return out, err
	}
	var err error
	if out.Peers, err = s.peers.Known(ctx); err != nil {
		return out, err
	}
	if out.Options, err = (volumes.Cluster{Commands: s.volumes}).Options(ctx); err != nil {
		return out, err
	}
	statuses, err := s.volumes.Statuses(ctx)
	if err != nil {
		return out, err
	}
	for _, st := range statuses {
		out.Volumes = append(out.Volumes, api.VolumeState{VolumeStatus: st, Quota: st.Info.Options[volume.OptionQuota] == "on"})
	}
	if out.Operations, _, err = s.engine.Find(transaction.Query{State: transaction.StatePending}); err != nil {
		return out, err
	}
	out.Store, err = s.store.Status(ctx)
	return out, err
}
