package heketi

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
	"gd2/store"
)

func (s *service) volumeRoutes() []route {
	const path = "/volumes" + idPattern
	const block = "/blockvolumes" + idPattern
	return []route{
		post("/volumes", forUser, s.createVolume),
		read("/volumes", forUser, s.listVolumes),
		read(path, forUser, s.getVolume),
		remove(path, forUser, s.deleteVolume),
		post(path+"/expand", forUser, s.expandVolume),
		post(path+"/clone", forUser, s.noClone),
		post("/bricks/to-evict"+idPattern, forAdmin, s.evictBrick),
		post(path+"/block-restriction", forUser, s.noRestriction),
		read("/blockvolumes", forUser, func(context.Context, *request) (reply, error) {
			return ok(heketi.BlockVolumeList{BlockVolumes: []string{}})
		}),
		post("/blockvolumes", forUser, noBlocks),
		read(block, forUser, noBlock),
		remove(block, forUser, noBlock),
		post(block+"/expand", forUser, noBlock),
	}
}

func noBlocks(context.Context, *request) (reply, error) {
	return reply{}, api.Errorf(api.NotSupported, "block volumes are not supported yet")
}

// noBlock answers for one: there is none.
func noBlock(context.Context, *request) (reply, error) { return reply{}, errNoID() }

func (s *service) noRestriction(ctx context.Context, r *request) (reply, error) {
	if _, err := s.findVolume(ctx, r.id()); err != nil {
		return reply{}, err
	}
	return noBlocks(ctx, r)
}

func (s *service) noClone(ctx context.Context, r *request) (reply, error) {
	if _, err := s.findVolume(ctx, r.id()); err != nil {
		return reply{}, err
	}
	return reply{}, api.Errorf(api.NotSupported, "clones of volumes are not supported yet: they need snapshots")
}

// heketiVolume is the volume in which Heketi keeps its database.
const heketiVolume = "heketidbstorage"

// createVolume makes a volume in the first cluster that has room for it, and starts it.
func (s *service) createVolume(_ context.Context, r *request) (reply, error) {
	var req heketi.VolumeCreateRequest
	if err := r.decode(&req); err != nil {
		return reply{}, err
	}
	want, err := newWish(req)
	if err != nil {
		return reply{}, err
	}
	return s.job(r, func(ctx context.Context) error {
		s.planning.Lock()
		defer s.planning.Unlock()
		return s.place(ctx, want, req.Clusters)
	})
}

// place tries one cluster after the other.
func (s *service) place(ctx context.Context, w wish, wanted []string) error {
	t, err := s.topology(ctx)
	if err != nil {
		return err
	}
	clusters, err := t.candidates(wanted)
	if err != nil {
		return err
	}
	if _, there, err := volume.Records.Get(s.Store, w.req.Name); err != nil || there {
		if err == nil {
			err = faultf(http.StatusInternalServerError, "%sVolume name '%s' already in use", textNoRoom, w.req.Name)
		}
		return err
	}
	var reasons []string
	for _, c := range clusters {
		if len(t.in(c)) == 0 {
			reasons = append(reasons, "cluster "+c+" has no nodes")
			continue
		}
		req := w.req
		req.MatchTags = append(slices.Clone(req.MatchTags), t.rule(c))
		_, err := s.Volumes.Provision(ctx, req, w.Wish)
		if !api.IsKind(err, api.State) {
			return err
		}
		reasons = append(reasons, err.Error())
	}
	return faultf(http.StatusInternalServerError, "%sNo space: %s", textNoRoom, strings.Join(reasons, "; "))
}

// textNoRoom begins the answer to a volume for which there is no place.
const textNoRoom = "Failed to allocate new volume: "

// candidates are the clusters that a volume may be made in, in the order of ids.
func (t *topology) candidates(wanted []string) ([]string, error) {
	var out []string
	for _, id := range wanted {
		if t.cluster(strings.ToLower(id)) == nil {
			return nil, faultf(http.StatusBadRequest, "Cluster id %.40s not found", id)
		}
	}
	for _, c := range t.clusters {
		if c.Value.File && (len(wanted) == 0 || slices.ContainsFunc(wanted, func(id string) bool { return strings.EqualFold(id, c.ID) })) {
			out = append(out, c.ID)
		}
	}
	if len(out) == 0 {
		return nil, faultf(http.StatusBadRequest, "No clusters configured")
	}
	return out, nil
}

func (s *service) listVolumes(ctx context.Context, _ *request) (reply, error) {
	t, err := s.topology(ctx)
	if err != nil {
		return reply{}, err
	}
	all, err := s.volumes(t)
	if err != nil {
		return reply{}, err
	}
	list := heketi.VolumeList{Volumes: make([]string, len(all))}
	for i, v := range all {
		list.Volumes[i] = v.id
	}
	return ok(list)
}

// findVolume reads the volume with an id: most are called after it.
func (s *service) findVolume(ctx context.Context, id string) (store.Record[*volume.Volume], error) {
	if err := s.Store.Sync(ctx); err != nil {
		return store.Record[*volume.Volume]{}, err
	}
	if rec, there, err := volume.Records.Get(s.Store, namePrefix+id); err == nil && there && volumeID(rec.Value) == id {
		return rec, nil
	}
	recs, err := volume.Records.List(s.Store)
	if err != nil {
		return store.Record[*volume.Volume]{}, err
	}
	for _, rec := range recs {
		if volumeID(rec.Value) == id && made(rec.Value) {
			return rec, nil
		}
	}
	return store.Record[*volume.Volume]{}, errNoID()
}

func (s *service) getVolume(ctx context.Context, r *request) (reply, error) {
	rec, err := s.findVolume(ctx, r.id())
	if err != nil {
		return reply{}, err
	}
	t, err := readTopology(s.Store)
	if err != nil {
		return reply{}, err
	}
	return ok(t.volume(rec.Value))
}

func (s *service) deleteVolume(_ context.Context, r *request) (reply, error) {
	return s.job(r, func(ctx context.Context) error {
		rec, err := s.findVolume(ctx, r.id())
		if err != nil {
			return err
		}
		if rec.ID == heketiVolume {
			return faultf(http.StatusConflict, "Cannot delete volume containing the Heketi database")
		}
		return s.Volumes.Discard(ctx, rec.ID)
	})
}

// expandVolume makes a volume larger by a size: its bricks grow where they are, or it gets more of them.
func (s *service) expandVolume(_ context.Context, r *request) (reply, error) {
	var req heketi.VolumeExpandRequest
	if err := r.decode(&req); err != nil {
		return reply{}, err
	}
	by, err := bytesOf(req.Size, req.SizeMB, "expand_size")
	if err != nil {
		return reply{}, err
	}
	return s.job(r, func(ctx context.Context) error {
		rec, err := s.findVolume(ctx, r.id())
		if err != nil {
			return err
		}
		s.planning.Lock()
		defer s.planning.Unlock()
		_, err = s.Volumes.Expand(ctx, rec.ID, api.VolumeExpandReq{Size: by})
		if api.IsKind(err, api.State) {
			return faultf(http.StatusInternalServerError, "Failed to expand volume: %s", err.Error())
		}
		return err
	})
}

// evictBrick moves a brick to another device. Its files are healed from the others, which must have them all, unless the client does without
// the look for that.
func (s *service) evictBrick(_ context.Context, r *request) (reply, error) {
	var req struct {
		HealCheck string `json:"healcheck"`
	}
	if err := r.decodeAny(&req); err != nil {
		return reply{}, err
	}
	unhealed, err := noHealCheck(req.HealCheck)
	if err != nil {
		return reply{}, err
	}
	return s.job(r, func(ctx context.Context) error {
		if err := s.Store.Sync(ctx); err != nil {
			return err
		}
		v, b, err := findBrick(s.Store, r.id())
		if err != nil {
			return err
		}
		if !unhealed {
			if err := s.Devices.Moves.May(ctx, v, b.ID); err != nil {
				return notEvicted(err)
			}
		}
		s.planning.Lock()
		defer s.planning.Unlock()
		_, err = s.Volumes.Replace(ctx, v.Name, api.ReplaceBrickReq{SrcPeerID: b.PeerID, SrcPath: b.Path, Force: unhealed})
		return notEvicted(err)
	})
}

// notEvicted is the refusal to evict a brick as Heketi's clients know it.
func notEvicted(err error) error {
	if api.IsKind(err, api.State) {
		return faultf(http.StatusInternalServerError, "Unable to evict brick: %v", err)
	}
	return err
}

// findBrick finds a brick that gd2 has made, and its volume.
func findBrick(r store.Reader, id string) (*volume.Volume, volume.Brick, error) {
	recs, err := volume.Records.List(r)
	if err != nil {
		return nil, volume.Brick{}, err
	}
	for _, rec := range recs {
		for b := range rec.Value.All() {
			if b.Device != "" && hexID(b.ID) == id {
				return rec.Value, b, nil
			}
		}
	}
	return nil, volume.Brick{}, errNoID()
}

// wish is a volume as it was asked for, in gd2's words.
type wish struct {
	req api.VolumeCreateReq
	volumes.Wish
}
