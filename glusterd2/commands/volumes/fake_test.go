package volumes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeBrick is a directory on a fakeHosts.
type fakeBrick struct {
	owner   string // the id of the volume that it is of
	mark    string // of the preparation that made it
	running bool
	dirty   bool
	size    uint64
	blames  []string // the names of the clients of bricks that are empty
}

// fakeHosts is the hosts of several peers, which survive their daemons.
type fakeHosts struct {
	mu     sync.Mutex
	bricks map[string]fakeBrick // by peer id and path
	fail   map[string]error     // what calls answer, by peer id and call, such as "p2 start"
}

func newFakeHosts() *fakeHosts {
	return &fakeHosts{bricks: map[string]fakeBrick{}, fail: map[string]error{}}
}

// setFail makes a call on a peer fail; nil takes it back.
func (h *fakeHosts) setFail(peerID, call string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail[peerID+" "+call] = err
}

// forget removes the bricks of which the path has the part.
func (h *fakeHosts) forget(part string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.bricks, func(at string, _ fakeBrick) bool { return strings.Contains(at, part) })
}

// text describes the bricks of which the path has the part.
func (h *fakeHosts) text(part string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var lines []string
	for at, b := range h.bricks {
		if strings.Contains(at, part) {
			lines = append(lines, fmt.Sprintf("%s running=%v dirty=%v blames=%v size=%d", at, b.running, b.dirty, b.blames, b.size))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// fakeHost is one of them, as the steps see it. Like the real one it does its work brick by brick, and stops when the
// context ends, wherever it is then.
type fakeHost struct {
	*fakeHosts
	peerID string
}

var _ Host = fakeHost{}

func (h fakeHost) each(ctx context.Context, v *volume.Volume, call string, do func(at string) error) error {
	for i, b := range v.BricksOn(h.peerID) {
		if err := h.one(call, h.peerID+" "+b.Path, do); err != nil {
			return err
		}
		if ctx.Err() != nil && i == 0 {
			return api.Errorf(api.Timeout, "cut off")
		}
	}
	return nil
}

func (h fakeHost) one(call, at string, do func(at string) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.fail[h.peerID+" "+call]; err != nil {
		return err
	}
	return do(at)
}

func (h fakeHost) Prepare(ctx context.Context, v *volume.Volume, allow Allow) error {
	return h.PrepareAs(ctx, v, v.ID, allow)
}

func (h fakeHost) PrepareAs(ctx context.Context, v *volume.Volume, mark string, allow Allow) error {
	return h.each(ctx, v, "prepare", func(at string) error {
		b, there := h.bricks[at]
		if there && (b.owner != v.ID || b.mark != mark && !allow.Own) {
			return api.Errorf(api.State, "%s is or was a brick", at)
		}
		if !there {
			h.bricks[at] = fakeBrick{owner: v.ID, mark: mark, size: sizeAt(v, at)}
		}
		return nil
	})
}

func (h fakeHost) SurveyPrepare(_ context.Context, v *volume.Volume, allow Allow) ([]api.Effect, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range v.BricksOn(h.peerID) {
		if old, there := h.bricks[h.peerID+" "+b.Path]; there && (old.owner != v.ID || !allow.Own) {
			return nil, api.Errorf(api.State, "%s is or was a brick", b.Path)
		}
	}
	return onBricks(v, h.peerID, api.ActionCreate, api.OnDirectory, ""), h.fail[h.peerID+" prepare"]
}

func (h fakeHost) SurveyStart(v *volume.Volume, _ bool) ([]api.Effect, error) {
	return h.survey(v, api.ActionStart, false), nil
}

func (h fakeHost) SurveyStop(v *volume.Volume) []api.Effect { return h.survey(v, api.ActionStop, true) }

// survey is the effect on the bricks that run, or do not.
func (h fakeHost) survey(v *volume.Volume, action string, running bool) []api.Effect {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(onBricks(v, h.peerID, action, api.OnProcess, processes), func(e api.Effect) bool {
		return h.bricks[h.peerID+" "+strings.TrimPrefix(e.Name, processes)].running != running
	})
}

func (h fakeHost) Unprepare(ctx context.Context, v *volume.Volume) error {
	return h.UnprepareAs(ctx, v, v.ID)
}

func (h fakeHost) UnprepareAs(ctx context.Context, v *volume.Volume, mark string) error {
	return h.each(ctx, v, "unprepare", func(at string) error {
		if h.bricks[at].mark == mark {
			delete(h.bricks, at)
		}
		return nil
	})
}

// Blame marks this peer's bricks of the volume, unlike the real one, which does it through one peer.
func (h fakeHost) Blame(ctx context.Context, e EmptyBricks) error {
	return h.blame(ctx, e, "blame", true)
}

func (h fakeHost) Forgive(ctx context.Context, e EmptyBricks) error {
	return h.blame(ctx, e, "forgive", false)
}

func (h fakeHost) blame(ctx context.Context, e EmptyBricks, call string, on bool) error {
	empty := e.Volume.Part(e.Bricks...).BricksOn(h.peerID)
	return h.each(ctx, e.Volume, call, func(at string) error {
		b, there := h.bricks[at]
		if !there {
			return nil
		}
		if slices.ContainsFunc(empty, func(n volume.Brick) bool { return h.peerID+" "+n.Path == at }) {
			b.dirty = on
		} else if b.blames = nil; on {
			b.blames = e.clients()
		}
		h.bricks[at] = b
		return nil
	})
}

// MayGo refuses bricks that blame others, or that the test says are not empty.
func (h fakeHost) MayGo(ctx context.Context, part *volume.Volume, check string) error {
	return h.each(ctx, part, check, func(at string) error {
		if check == checkBlameless && part.Shape().Type != api.SubvolDisperse && len(h.bricks[at].blames) > 0 {
			return api.Errorf(api.State, "%s blames others", at)
		}
		return nil
	})
}

// lag lets a brick know of something that others lack.
func (h *fakeHosts) lag(at string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b, there := h.bricks[at]; there {
		b.blames = []string{"others"}
		h.bricks[at] = b
	}
}

func (h fakeHost) Reclaim(ctx context.Context, part *volume.Volume) error {
	_, made := split(part)
	return h.each(ctx, part.Part(made...), "reclaim", func(at string) error {
		delete(h.bricks, at)
		return nil
	})
}

func (h fakeHost) Start(ctx context.Context, v *volume.Volume) error {
	return h.run(ctx, v, "start", true)
}

func (h fakeHost) Stop(ctx context.Context, v *volume.Volume) error {
	return h.run(ctx, v, "stop", false)
}

func (h fakeHost) Forget(ctx context.Context, v *volume.Volume) error {
	return h.run(ctx, v, "forget", false)
}

func (h fakeHost) run(ctx context.Context, v *volume.Volume, call string, running bool) error {
	if running { // those that are being reset are out of service
		v = v.Part(slices.DeleteFunc(v.BricksOn(h.peerID), func(b volume.Brick) bool { return b.Reset })...)
	}
	return h.each(ctx, v, call, func(at string) error {
		b, there := h.bricks[at]
		if !there && running {
			return api.Errorf(api.Internal, "%s is not there", at)
		}
		if b.running = running; there {
			h.bricks[at] = b
		}
		return nil
	})
}

func (h fakeHost) Report(_ context.Context, v *volume.Volume) Report {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := Report{Daemons: []api.DaemonStatus{}}
	for _, b := range v.BricksOn(h.peerID) {
		st := api.BrickStatus{Info: v.BrickInfo(b, func(id string) string { return id }), Online: h.bricks[h.peerID+" "+b.Path].running}
		if st.Online {
			st.Size = api.SizeInfo{Capacity: 100, Used: 40, Free: 60}
		}
		r.Bricks = append(r.Bricks, st)
	}
	return r
}

// addPeers writes the records of peers that are not there yet.
func addPeers(t testing.TB, s *store.Store, ids ...string) {
	t.Helper()
	commit(t, s, func() (writes []store.Write) {
		for i, id := range ids {
			if _, ok, err := peer.Records.Get(s, id); ok || err != nil {
				continue
			}
			host := fmt.Sprintf("10.0.0.%d", i+1)
			writes = append(writes, peer.Records.Create(id, &peer.Peer{ID: id, Name: "host-" + id, Host: host, PeerAddress: host + ":24008", ClientAddress: host + ":24007"}))
		}
		return writes
	})
}

// commit writes records and waits until they can be read.
func commit(t testing.TB, s *store.Store, writes func() []store.Write) {
	t.Helper()
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := writes()
	if len(w) == 0 {
		return
	}
	rev, err := s.Commit(t.Context(), w)
	if err == nil {
		err = s.WaitRevision(t.Context(), rev)
	}
	if err != nil {
		t.Fatal(err)
	}
}
