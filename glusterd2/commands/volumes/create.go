package volumes

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

type createParams struct {
	Volume *volume.Volume `json:"volume"`
	Allow  Allow          `json:"allow"`
	// Peers are the revisions of the records of the peers that hold bricks: none may have left meanwhile.
	Peers map[string]int64 `json:"peers"`

	claims map[string]transaction.Claim // for the intent only
}

// makeTimeout bounds a step in which bricks are made or grow, if need be of several terabytes on a slow disk: it leaves room for one
// command of theirs that takes as long as it may.
const makeTimeout = 10 * time.Minute

func createOperation(host Host) transaction.Operation[createParams, none] {
	return transaction.Operation[createParams, none]{
		Name: "volume.create", Version: 1,
		Steps: []transaction.Step[createParams]{{
			Name: "prepare-bricks", Timeout: makeTimeout,
			Do: func(ctx context.Context, _ *transaction.Call, p createParams) error {
				return host.Prepare(ctx, p.Volume, p.Allow)
			},
			Undo: func(ctx context.Context, _ *transaction.Call, p createParams) error {
				return host.Unprepare(ctx, p.Volume)
			},
			Effects: func(p createParams, peerID string) []api.Effect {
				return preparedEffects(p.Volume, peerID)
			},
			Survey: func(ctx context.Context, _ *transaction.Call, p createParams) ([]api.Effect, error) {
				return host.SurveyPrepare(ctx, p.Volume, p.Allow)
			},
		}},
		Commit: func(p createParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return []store.Write{volume.Records.Create(p.Volume.Name, p.Volume)}, peersMustBe(p.Peers), none{}, nil
		},
	}
}

// Create makes a volume of the bricks that the request names.
func (c *Commands) Create(ctx context.Context, req api.VolumeCreateReq) (api.VolumeInfo, error) {
	var info api.VolumeInfo
	err := planned(ctx, func() (err error) {
		info, err = c.create(ctx, req)
		return err
	})
	return info, err
}

// create is one try of Create.
func (c *Commands) create(ctx context.Context, req api.VolumeCreateReq) (api.VolumeInfo, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return api.VolumeInfo{}, err
	}
	old, _, err := volume.Records.Get(c.Store, req.Name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	if err := volume.Records.Subject(ctx, req.Name, old.Revision); err != nil {
		return api.VolumeInfo{}, err
	}
	params, err := c.planCreate(req)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	v := params.Volume
	if err := c.allOnline(v.Peers()); err != nil {
		return api.VolumeInfo{}, err
	}
	if _, err = c.Ops.create.Run(ctx, c.Engine, createPlan(params).Answering(c.info(v))); err != nil {
		return api.VolumeInfo{}, err
	}
	return c.info(v), nil
}

func createPlan(p createParams) transaction.Plan[createParams] {
	return transaction.Plan[createParams]{
		Params: p, Peers: p.Volume.Peers(), Locks: append(brickLocks(p.Volume), Lock(p.Volume.Name)),
		Guards: []store.Guard{volume.Records.MustBeAbsent(p.Volume.Name)}, Claims: p.claims,
	}
}

// maxBrickLocks bounds the locks of one create: each is a record of its intent.
const maxBrickLocks = 60

// brickLocks makes two creates at once that want the same brick take turns at the intent, so that one of them succeeds.
// Without them the marks on the directories would keep the bricks apart too, but each create could win on one peer and
// both would fail. That is what happens to volumes of more bricks than maxBrickLocks.
func brickLocks(v *volume.Volume) []string {
	bricks := v.Bricks()
	if len(bricks) > maxBrickLocks {
		return nil
	}
	locks := make([]string, len(bricks))
	for i, b := range bricks {
		// A hash, since a path may be longer than a key.
		locks[i] = fmt.Sprintf("brick/%s/%x", b.PeerID, sha256.Sum256([]byte(b.Path)))
	}
	return locks
}

// planCreate checks the request and chooses every id, once.
func (c *Commands) planCreate(req api.VolumeCreateReq) (createParams, error) {
	if err := c.checkCreate(req); err != nil {
		return createParams{}, err
	}
	params := createParams{Allow: Allow{Flags: req.Flags, Force: req.Force}, Peers: map[string]int64{}}
	l, err := c.planSubvols(req, params.Peers)
	params.claims = l.claims
	if err != nil {
		return createParams{}, err
	}
	v := &volume.Volume{
		ID: uuid.NewString(), Name: req.Name, Transport: api.TransportTCP, State: volume.Created, Subvols: l.subvols, Capacity: req.Size,
		Placement: l.placement, Metadata: req.Metadata, Auth: volume.Auth{Username: uuid.NewString(), Password: uuid.NewString()}, CreatedAt: time.Now().UTC(),
	}
	if err := c.checkBricks(v); err != nil {
		return createParams{}, err
	}
	if err := c.checkSpread(v, req.Force); err != nil {
		return createParams{}, err
	}
	v.Options = xlator.CreateOptions(v.Shape().Type)
	chosen, err := c.complete(v, req.Options)
	if err != nil {
		return createParams{}, err
	}
	applyOptions(v, chosen)
	params.Volume = v
	return params, nil
}

func (c *Commands) checkCreate(req api.VolumeCreateReq) error {
	if err := volume.ValidateName(req.Name); err != nil {
		return err
	}
	if t := req.Transport; t != "" && t != api.TransportTCP {
		return api.FieldErrorf("transport", "transport %.20q: only %s is possible with this GlusterFS", t, api.TransportTCP)
	}
	if err := checkFlags(req.Flags); err != nil {
		return err
	}
	if err := api.ValidateMetadata(req.Metadata); err != nil {
		return err
	}
	if _, ok, err := volume.Records.Get(c.Store, req.Name); err != nil || ok {
		if err != nil {
			return err
		}
		return api.Errorf(api.Exists, "volume %s already exists", req.Name).With("volume", req.Name)
	}
	return nil
}

// place resolves the peer of a brick and checks the form of its path.
func (c *Commands) place(b api.BrickReq, revisions map[string]int64) (volume.Placed, error) {
	var arbiter bool
	switch strings.ToLower(b.Type) {
	case "", strings.ToLower(api.BrickTypeBrick):
	case strings.ToLower(api.BrickTypeArbiter):
		arbiter = true
	default:
		return volume.Placed{}, api.FieldErrorf("type", "brick type %.20q: use %s or %s", b.Type, api.BrickTypeBrick, api.BrickTypeArbiter)
	}
	rec, err := peer.Find(c.Store, b.PeerID)
	if api.IsKind(err, api.NotFound) {
		return volume.Placed{}, api.FieldErrorf("peerid", "brick %.80q is on peer %.80q, which is not in the pool: probe it first", b.Path, b.PeerID)
	}
	if err != nil {
		return volume.Placed{}, err
	}
	if rec.Value.Leaving {
		return volume.Placed{}, api.Errorf(api.Conflict, "peer %s is being detached: it gets no bricks", rec.Value.Name)
	}
	if !filepath.IsAbs(b.Path) {
		return volume.Placed{}, api.FieldErrorf("path", "brick path %.80q on %s is not absolute", b.Path, rec.Value.Host)
	}
	path := b.Path
	for len(path) > 1 && strings.HasSuffix(path, "/") {
		path = strings.TrimSuffix(path, "/")
	}
	revisions[rec.ID] = rec.Revision
	return volume.Placed{PeerID: rec.ID, Path: path, Arbiter: arbiter}, nil
}

// checkBricks refuses paths of bad form, and bricks that are, contain or lie inside others of this or another volume.
func (c *Commands) checkBricks(v *volume.Volume) error {
	bricks := v.Bricks()
	recs, err := c.inTheWay(v.Name, bricks)
	if err != nil {
		return err
	}
	hosts := peer.Hosts(c.Store)
	for i, b := range bricks {
		if err := checkPath(v.Name, hosts(b.PeerID), b); err != nil {
			return err
		}
		for _, rec := range recs {
			for o := range rec.Value.All() {
				if err := c.apart(b, o, v.Name, rec.ID, false); err != nil {
					return err
				}
			}
		}
		for _, o := range bricks[:i] {
			if err := c.apart(b, o, v.Name, v.Name, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// inTheWay returns the volumes with which bricks of a volume are to be compared: all, if any of them overlaps with a brick on record.
func (c *Commands) inTheWay(name string, bricks []volume.Brick) ([]store.Record[*volume.Volume], error) {
	overlap, err := volume.AnyOverlaps(c.Store, bricks)
	if err != nil {
		return nil, err
	}
	if overlap {
		return volume.Records.List(c.Store)
	}
	own, ok, err := volume.Records.Get(c.Store, name)
	if !ok || err != nil {
		return nil, err
	}
	return []store.Record[*volume.Volume]{own}, nil
}

// apart refuses a brick of the volume for another one, of the volume owner or planned with it, that is in its way. There
// may be thousands of others, so that nothing is worked out before something is wrong.
func (c *Commands) apart(b, other volume.Brick, name, owner string, planned bool) error {
	if b.PeerID != other.PeerID {
		return nil
	}
	overlaps := volume.Overlaps(b.Path, other.Path)
	if !overlaps && (owner != name || volume.Dashes(other.Path) != volume.Dashes(b.Path)) {
		return nil
	}
	where := fmt.Sprintf("brick %s:%s", peer.Hosts(c.Store)(b.PeerID), b.Path)
	switch {
	case !overlaps:
		return api.FieldErrorf("path", "%s and %s would share the names of their files and volfiles, in which / is written as -: rename one", where, other.Path)
	case planned && other.Path == b.Path:
		return api.FieldErrorf("path", "%s is named twice", where)
	case other.Path == b.Path:
		return api.FieldErrorf("path", "%s is already a brick of volume %s", where, owner)
	}
	return api.FieldErrorf("path", "%s overlaps with the brick %s of volume %s: bricks must not contain each other", where, other.Path, owner)
}

// checkSpread refuses subvolumes with several bricks on one peer, whose loss would take more copies than one.
func (c *Commands) checkSpread(v *volume.Volume, force bool) error {
	if force || !v.NeedsSelfHeal() {
		return nil
	}
	hosts := peer.Hosts(c.Store)
	for i, s := range v.Subvols {
		seen := map[string]bool{}
		for _, b := range s.Bricks {
			if seen[b.PeerID] {
				return api.FieldErrorf("subvols", "subvolume %d (%s) has several bricks on peer %s, so that the loss of one peer can take the data: spread them, or use force",
					i, s, hosts(b.PeerID))
			}
			seen[b.PeerID] = true
		}
	}
	return nil
}
