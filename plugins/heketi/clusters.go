package heketi

import (
	"context"
	"net/http"

	"gd2/glusterd2/peer"
	"gd2/pkg/heketi"
	"gd2/store"
)

func (s *service) clusterRoutes() []route {
	const path = "/clusters" + idPattern
	return []route{
		post("/clusters", forAdmin, s.createCluster),
		read("/clusters", forAdmin, s.listClusters),
		read(path, forAdmin, s.getCluster),
		post(path+"/flags", forAdmin, s.flagCluster),
		remove(path, forAdmin, s.deleteCluster),
	}
}

// createCluster makes a cluster. The first is the pool itself, others are groupings of its peers.
func (s *service) createCluster(ctx context.Context, r *request) (reply, error) {
	var flags heketi.ClusterFlags
	if err := r.decode(&flags); err != nil {
		return reply{}, err
	}
	var c *Cluster
	err := s.wait(r, func(ctx context.Context) error {
		t, err := s.topology(ctx)
		if err != nil {
			return err
		}
		pool, _, err := peer.PoolRecord.Get(s.Store, "")
		if err != nil {
			return err
		}
		c = &Cluster{ID: hexID(pool.Value.ID), Block: flags.Block, File: flags.File}
		if t.cluster(c.ID) != nil {
			c.ID = newID()
		}
		return s.edit(ctx, editParams{Clusters: []change[*Cluster]{{ID: c.ID, New: c}}})
	})
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusCreated, location: "/clusters/" + c.ID, body: heketi.ClusterInfo{
		ID: c.ID, Nodes: []string{}, Volumes: []string{}, ClusterFlags: flags, BlockVolumes: []string{},
	}}, nil
}

func (s *service) listClusters(ctx context.Context, _ *request) (reply, error) {
	t, err := s.topology(ctx)
	if err != nil {
		return reply{}, err
	}
	list := heketi.ClusterList{Clusters: []string{}}
	for _, c := range t.clusters {
		list.Clusters = append(list.Clusters, c.ID)
	}
	return ok(list)
}

func (s *service) getCluster(ctx context.Context, r *request) (reply, error) {
	t, err := s.topology(ctx)
	if err != nil {
		return reply{}, err
	}
	c := t.cluster(r.id())
	if c == nil {
		return reply{}, errNoID()
	}
	volumes, err := s.volumes(t)
	if err != nil {
		return reply{}, err
	}
	return ok(t.clusterInfo(*c, volumes))
}

// clusterInfo is a cluster as clients see it, with those of the volumes that are its.
func (t *topology) clusterInfo(c store.Record[*Cluster], volumes []madeVolume) heketi.ClusterInfo {
	info := heketi.ClusterInfo{
		ID: c.ID, Nodes: []string{}, Volumes: []string{}, ClusterFlags: heketi.ClusterFlags{Block: c.Value.Block, File: c.Value.File},
		BlockVolumes: []string{},
	}
	for _, n := range t.in(c.ID) {
		info.Nodes = append(info.Nodes, n.ID)
	}
	for _, v := range volumes {
		if v.cluster == c.ID {
			info.Volumes = append(info.Volumes, v.id)
		}
	}
	return info
}

func (s *service) flagCluster(_ context.Context, r *request) (reply, error) {
	var flags heketi.ClusterFlags
	if err := r.decode(&flags); err != nil {
		return reply{}, err
	}
	err := s.wait(r, func(ctx context.Context) error {
		t, err := s.topology(ctx)
		if err != nil {
			return err
		}
		c := t.cluster(r.id())
		if c == nil {
			return errNoID()
		}
		return s.edit(ctx, editParams{Clusters: []change[*Cluster]{
			{ID: c.ID, New: &Cluster{ID: c.ID, Block: flags.Block, File: flags.File}, Revision: c.Revision},
		}})
	})
	return reply{status: http.StatusOK}, err
}

func (s *service) deleteCluster(_ context.Context, r *request) (reply, error) {
	err := s.wait(r, func(ctx context.Context) error {
		t, err := s.topology(ctx)
		if err != nil {
			return err
		}
		c := t.cluster(r.id())
		switch {
		case c == nil:
			return errNoID()
		case len(t.in(c.ID)) > 0:
			return faultf(http.StatusConflict, "Unable to delete cluster [%s] because it contains volumes and/or nodes", c.ID)
		}
		return s.edit(ctx, editParams{Clusters: []change[*Cluster]{{ID: c.ID, Gone: true, Revision: c.Revision}}})
	})
	return reply{status: http.StatusOK}, err
}
