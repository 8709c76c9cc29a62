package brick

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"gd2/pkg/api"
	"gd2/pkg/revert"

	"github.com/google/uuid"
)

// Labels of what Prepare asks of the operating system.
const (
	opPrepareStat   Op = "prepare-stat"
	opPrepareMkdir  Op = "prepare-mkdir"
	opPrepareMark   Op = "prepare-mark"
	opPrepareLook   Op = "prepare-look"
	opPrepareID     Op = "prepare-volume-id"
	opPrepareGFS    Op = "prepare-glusterfs"
	opPrepareRename Op = "prepare-rename"
	opPrepareTidy   Op = "prepare-tidy"
	opPrepareGroup  Op = "prepare-group"
)

// xattrMade is our own mark on the directory: what of it a preparation made, as JSON of type made. GlusterFS leaves
// attributes that it does not know alone.
const xattrMade = "trusted.gd2.made"

// glusterfsDir holds GlusterFS's own files on a brick. glusterfsd does not start without it.
const glusterfsDir = ".glusterfs"

// made is the mark: it is written before anything else is changed, so that the undo knows what was there before.
type made struct {
	// Owner is the Mark of the preparation; nobody else's undo touches the directory.
	Owner string `json:"owner"`
	// Directory and GlusterFS say that the preparation made the directory itself, and .glusterfs in it.
	Directory bool `json:"directory"`
	GlusterFS bool `json:"glusterfs"`
	// VolumeID is the one that was there before; GFID that a gfid was.
	VolumeID []byte `json:"volume-id,omitempty"`
	GFID     bool   `json:"gfid"`
}

// PrepareReq says what to prepare.
type PrepareReq struct {
	Where
	VolumeID string
	// Mark names this preparation for all time, such as the id of the transaction; Unprepare takes the same one.
	Mark string
	// CreateParents makes the folders above the brick that do not exist.
	CreateParents bool
	// GID, if not 0, is the group that owns the directory and may write there.
	GID int
}

// Prepare makes the directory of a brick, with everything that glusterfsd needs to start on it. A directory that it
// makes appears complete or not at all. One that exists keeps its files. Prepare may be repeated, also after it was cut
// off anywhere; Unprepare with the same Mark takes it back.
func Prepare(ctx context.Context, sys OS, req PrepareReq) error {
	id, err := uuid.Parse(req.VolumeID)
	if err != nil {
		return req.refuse(api.Internal, "volume id %q: %v", req.VolumeID, err)
	}
	if err := ctx.Err(); err != nil {
		return req.refuse(api.Timeout, "not prepared: %v", err)
	}
	p := &preparer{PrepareReq: req, sys: sys, id: id[:]}
	if err := p.run(); err != nil {
		return req.refuse(api.State, "cannot be prepared: %v", err)
	}
	return nil
}

type preparer struct {
	PrepareReq
	sys OS
	id  []byte
}

func (p *preparer) run() error {
	err := p.create(p.Path, func(tmp string) error { return p.fill(tmp) })
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	return p.convert()
}

// fill writes into a directory what makes it a brick.
func (p *preparer) fill(dir string) error {
	if err := p.sys.Setxattr(opPrepareID, dir, xattrVolumeID, p.id); err != nil {
		return err
	}
	if p.GID != 0 {
		if err := p.sys.GiveToGroup(opPrepareGroup, dir, p.GID); err != nil {
			return err
		}
	}
	err := p.sys.Mkdir(opPrepareGFS, filepath.Join(dir, glusterfsDir), 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// create makes a directory under a name of its own, marks and fills it there, and then gives it its real name.
func (p *preparer) create(path string, fill func(tmp string) error) (err error) {
	if _, err := p.sys.Stat(opPrepareStat, path); !errors.Is(err, os.ErrNotExist) {
		if err == nil {
			err = os.ErrExist
		}
		return err
	}
	if err := p.createParent(path); err != nil {
		return err
	}
	tmp := p.tmpName(path)
	if err := p.sys.RemoveAll(opPrepareTidy, tmp); err != nil { // what was left when we were cut off
		return err
	}
	var undo revert.Stack
	defer undo.FailInto(&err)
	undo.Add("remove "+tmp, func() error { return p.sys.RemoveAll(opPrepareTidy, tmp) })
	if err := p.sys.Mkdir(opPrepareMkdir, tmp, 0o755); err != nil {
		return err
	}
	if err := p.mark(tmp, made{Owner: p.Mark, Directory: true, GlusterFS: true}); err != nil {
		return err
	}
	if err := fill(tmp); err != nil {
		return err
	}
	if err := p.sys.Rename(opPrepareRename, tmp, path); err != nil {
		return err
	}
	undo.Success()
	return nil
}

// createParent makes the folders above path if that was asked for. Another brick of the same request may be making the
// same ones.
func (p *preparer) createParent(path string) error {
	parent := filepath.Dir(path)
	if !p.CreateParents || parent == path {
		return nil
	}
	err := p.create(parent, func(string) error { return nil })
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// tmpName returns the name that a directory has until it is complete: different for every brick of every preparation.
func (p *preparer) tmpName(path string) string {
	return filepath.Join(filepath.Dir(path), ".gd2-"+hash(p.Mark+"\n"+p.Path))
}

func (p *preparer) mark(dir string, m made) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return p.sys.Setxattr(opPrepareMark, dir, xattrMade, text)
}

// convert makes a brick of a directory that exists.
func (p *preparer) convert() error {
	m, err := readMade(p.sys, opPrepareLook, p.Path)
	if err != nil {
		return err
	}
	if m.Owner != p.Mark {
		if m, err = p.look(); err != nil {
			return err
		}
		if err := p.mark(p.Path, m); err != nil {
			return err
		}
	}
	return p.fill(p.Path)
}

// look notes what is there before the preparation.
func (p *preparer) look() (made, error) {
	m := made{Owner: p.Mark}
	var err error
	if m.VolumeID, err = p.sys.Getxattr(opPrepareLook, p.Path, xattrVolumeID); err != nil {
		return m, err
	}
	gfid, err := p.sys.Getxattr(opPrepareLook, p.Path, xattrGFID)
	if err != nil {
		return m, err
	}
	m.GFID = gfid != nil
	_, err = p.sys.Stat(opPrepareLook, filepath.Join(p.Path, glusterfsDir))
	if m.GlusterFS = errors.Is(err, os.ErrNotExist); m.GlusterFS {
		return m, nil
	}
	return m, err
}

// readMade returns the mark on a directory; the zero value, owned by nobody, if there is none.
func readMade(sys OS, op Op, dir string) (made, error) {
	var m made
	text, err := sys.Getxattr(op, dir, xattrMade)
	if err != nil || text == nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return made{}, nil //nolint:nilerr // a mark that is not ours to read is nobody's
	}
	return m, nil
}
