package volumes

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// How says what a brick may move in spite of.
type How struct {
	// Gone says that the peer of the brick is off, if it cannot be reached.
	Gone bool
	// Unhealed lets it go although others have files to be healed from it, or are offline, as long as enough of them serve.
	Unhealed bool
}

// Move moves a brick that gd2 has made, given by its id, to another device, and returns the id of what is in its place. A brick
// with files that no other has stays until these have been moved, which goes on as an operation of its own: then the id is that
// of the brick itself.
func (c *Commands) Move(ctx context.Context, name, brickID string, how How) (string, error) {
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return "", err
	}
	sub, old, err := rec.Value.BrickOf(brickID)
	switch {
	case err != nil:
		return "", err
	case sub.Alone():
		return brickID, c.moveAlone(ctx, rec, old)
	}
	return c.moveCopy(ctx, name, brickID, how)
}

// moveCopy puts an empty brick elsewhere in the place of one, to be filled from the others of the set.
func (c *Commands) moveCopy(ctx context.Context, name, brickID string, how How) (string, error) {
	var id string
	err := planned(ctx, func() error {
		rec, err := c.findToChange(ctx, name)
		if err != nil {
			return err
		}
		sub, old, err := rec.Value.Replaceable(brickID)
		if err != nil {
			return err
		}
		p := newReplace(rec, Allow{}, old)
		p.how = how
		if err := c.placeReplacement(rec, sub, &p); err != nil {
			return err
		}
		id = p.New.ID
		_, err = c.runReplace(ctx, rec, p)
		return err
	})
	return id, err
}

// moveParams name a brick of a volume without copies, whose files are moved to one that is made in its place.
type moveParams struct {
	Volume string `json:"name"`
	Brick  string `json:"brick"`
}

// moveLock names the lock of a move: a volume has one at a time.
func moveLock(name string) string { return "move/" + name }

// Moving reports whether files of a brick of a volume are being moved, so that it can be removed.
func (c *Commands) Moving(name string) bool { return c.Engine.LockHeld(moveLock(name)) }

// moveAlone begins to move the files of a brick to one that is made in its place.
func (c *Commands) moveAlone(ctx context.Context, rec store.Record[*volume.Volume], old volume.Brick) error {
	if err := c.mayMoveAlone(ctx, rec.Value, old); err != nil {
		return err
	}
	if _, made := rec.Value.Substitute(old.ID); !made {
		if _, err := c.planSubstitute(rec, old); err != nil {
			return err
		}
	}
	_, err := c.moves.Run(ctx, c.Engine, transaction.Plan[moveParams]{
		Params: moveParams{rec.ID, old.ID}, Peers: []string{c.PeerID}, Locks: []string{moveLock(rec.ID)}, About: []string{Lock(rec.ID)},
	})
	return err
}

// mayMoveAlone demands that the files of a brick that no other has can be read, and written elsewhere.
func (c *Commands) mayMoveAlone(ctx context.Context, v *volume.Volume, old volume.Brick) error {
	if v.State == volume.Started && !c.serving(ctx, v)[old.ID] {
		name := peer.Hosts(c.Store)(old.PeerID) + ":" + old.Path
		return api.Errorf(api.State, "brick %s is offline, and no other brick has its files: bring it back; "+
			"'glustercli volume remove-brick %s %s force' gives the files up", name, v.Name, name).With("brick", name)
	}
	_, err := c.newTask(ctx, v, volume.TaskRemoveBrick, volume.MoveAllFiles)
	return err
}

// The pauses between attempts to move the files of a brick, each twice as long as the one before: a daemon that carries a move on has not found
// all bricks yet at its first attempt, while one that waits for a host may do so for days.
const (
	firstMovePause = 500 * time.Millisecond
	mostMovePause  = 30 * time.Second
)

// runMove is the course: it tries until the files have been moved and the brick is gone. What it has done it finds in the records:
// the brick that was made, the task that moves the files.
func (c *Commands) runMove(ctx context.Context, p moveParams) (none, error) {
	begun, pause := transaction.Resumed(ctx), firstMovePause
	for {
		err := c.tryMove(ctx, p, func() error {
			begun = true
			return transaction.Tell(ctx, none{})
		})
		if err == nil || !begun {
			return none{}, err
		}
		if ctx.Err() == nil {
			c.Log.WithField("volume", p.Volume).WithError(err).Warn("the files of a brick that is to go have not all been moved; trying again")
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, mostMovePause)
		case <-ctx.Done():
			if transaction.Cancelled(ctx) {
				c.stays(context.WithoutCancel(ctx), p)
			}
			return none{}, err
		}
	}
}

// tryMove is one attempt, from wherever the last one came to. It calls begun when the files are being moved.
func (c *Commands) tryMove(ctx context.Context, p moveParams, begun func() error) error {
	if err := c.substitute(ctx, p); err != nil {
		return err
	}
	task, err := c.moveFiles(ctx, p)
	if err != nil || task == nil {
		return err
	}
	if err := begun(); err != nil {
		return err
	}
	if err := c.followTask(ctx, taskCourse{Volume: p.Volume, Task: *task}); err != nil {
		return err
	}
	if _, _, there, err := c.toMove(ctx, p); err != nil || !there {
		return err
	}
	_, err = c.ShrinkCommit(ctx, p.Volume, api.VolumeShrinkReq{})
	return err
}

// toMove finds the brick of a move, unless it is gone and nothing is left to do.
func (c *Commands) toMove(ctx context.Context, p moveParams) (rec store.Record[*volume.Volume], old volume.Brick, there bool, err error) {
	if rec, err = c.findToChange(ctx, p.Volume); err == nil {
		_, old, err = rec.Value.BrickOf(p.Brick)
	}
	if api.IsKind(err, api.NotFound) {
		return rec, old, false, nil
	}
	return rec, old, err == nil, err
}

// substitute makes the brick that takes the files of another, unless that has been done.
func (c *Commands) substitute(ctx context.Context, p moveParams) error {
	return planned(ctx, func() error {
		rec, old, there, err := c.toMove(ctx, p)
		if err != nil || !there {
			return err
		}
		if _, made := rec.Value.Substitute(old.ID); made {
			return nil
		}
		more, err := c.planSubstitute(rec, old)
		if err != nil {
			return err
		}
		_, err = c.Ops.expand.Run(ctx, c.Engine, expandPlan(rec, more))
		return err
	})
}

// planSubstitute plans a further subvolume of one brick on another device, as large as the one whose files it takes. The volume
// is to hold no more than before.
func (c *Commands) planSubstitute(rec store.Record[*volume.Volume], old volume.Brick) (expandParams, error) {
	p := expandParams{Revision: rec.Revision, Mark: uuid.NewString(), Peers: map[string]int64{}, claims: map[string]transaction.Claim{}}
	devices, err := c.readDevices(provisionerOf(rec.Value))
	if err != nil {
		return p, err
	}
	made, err := devices.placeAnew(rec.Value, volume.Subvol{}, old)
	if err != nil {
		return p, err
	}
	made.InPlaceOf = old.ID
	devices.claim(p.claims, made.Device, made.Cost)
	p.Peers[made.PeerID] = devices.peers[made.PeerID]
	if err := p.add(rec.Value, []volume.Brick{made}); err != nil {
		return p, err
	}
	return p, c.checkBricks(p.part())
}

// moveFiles returns the task that moves the files of a brick: one that runs or has ended well, or a new one; nil if the brick is gone.
func (c *Commands) moveFiles(ctx context.Context, p moveParams) (*volume.Task, error) {
	rec, old, there, err := c.toMove(ctx, p)
	if err != nil || !there {
		return nil, err
	}
	task, state, ok, err := volume.FindTask(c.Store, p.Volume)
	switch {
	case err != nil:
		return nil, err
	case ok && p.is(task.Value) && (!state.Final() || c.moved(p.Volume, task.Value, state) == nil):
		return task.Value, nil
	case ok && p.is(task.Value):
		if err := c.leave(ctx, rec, nil, stopTask(p.Volume, task)); err != nil {
			return nil, err
		}
		return c.moveFiles(ctx, p) // with a new one
	}
	next, err := c.newTask(ctx, rec.Value, volume.TaskRemoveBrick, volume.MoveAllFiles)
	if err != nil {
		return nil, err
	}
	next.Task.Bricks, next.Task.Peers = []string{old.ID}, []string{old.PeerID}
	return next.Task, c.beginTask(ctx, taskCourse{Volume: rec.ID, Revision: rec.Revision, Task: *next.Task, Before: next.Revision})
}

// is reports whether a task, which nobody has ended, moves the files of the brick.
func (p moveParams) is(t *volume.Task) bool {
	return t.Pending() && slices.Equal(t.Bricks, []string{p.Brick})
}

// stays has a brick stay whose move was cancelled. The one that was made for its files stays too, as one more.
func (c *Commands) stays(ctx context.Context, p moveParams) {
	task, _, ok, err := volume.FindTask(c.Store, p.Volume)
	if err == nil && ok && p.is(task.Value) {
		err = c.stopFollowed(ctx, taskCourse{Volume: p.Volume, Task: *task.Value})
	}
	c.Log.WithField("volume", p.Volume).WithError(err).Warn("the move of a brick was cancelled: it stays in the volume, and so does the one that was made in its place")
}
