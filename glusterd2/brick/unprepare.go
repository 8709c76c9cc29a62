package brick

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"gd2/pkg/api"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"
)

// Labels of what Unprepare and Release ask of the operating system.
const (
	opUndoLook   Op = "undo-look"
	opUndoTidy   Op = "undo-tidy"
	opUndoGFS    Op = "undo-glusterfs"
	opUndoXattr  Op = "undo-xattr"
	opUndoRemove Op = "undo-remove"
	opUndoMark   Op = "undo-mark"
)

// trashDir is made on every brick by the trash translator, when it is on.
const trashDir = ".trashcan"

// Unprepare takes back what Prepare did with the same Mark, and only that: a directory that Prepare made goes if it
// holds nothing but GlusterFS's own files; one that was there before gets its old attributes back. It may follow after
// nothing, a part or all of Prepare, and may be repeated. The brick must not run. A directory that holds files stays a
// directory, without the marks of a brick.
func Unprepare(ctx context.Context, sys OS, req PrepareReq) error {
	if err := ctx.Err(); err != nil {
		return req.refuse(api.Timeout, "preparation not taken back: %v", err)
	}
	p := &preparer{PrepareReq: req, sys: sys}
	if err := errors.Join(p.undoBrick(), p.undoParents()); err != nil {
		return req.refuse(api.State, "preparation cannot be taken back: %v", err)
	}
	return nil
}

// undoBrick undoes the brick's directory itself.
func (p *preparer) undoBrick() error {
	if err := p.sys.RemoveAll(opUndoTidy, p.tmpName(p.Path)); err != nil {
		return err
	}
	m, err := p.ours(p.Path)
	if err != nil || m.Owner != p.Mark {
		return err
	}
	if m.GlusterFS {
		if err := p.sys.RemoveAll(opUndoGFS, filepath.Join(p.Path, glusterfsDir)); err != nil {
			return err
		}
	}
	if m.Directory {
		if gone, err := p.removeEmpty(p.Path); gone || err != nil {
			return err
		}
	}
	if err := p.restore(m); err != nil {
		return err
	}
	return p.sys.Removexattr(opUndoMark, p.Path, xattrMade)
}

// ours returns the mark of a directory; one that does not exist bears none.
func (p *preparer) ours(dir string) (made, error) {
	m, err := readMade(p.sys, opUndoLook, dir)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOTDIR) {
		return made{}, nil
	}
	return m, err
}

// removeEmpty removes a directory that holds nothing, and reports whether it is gone. Another peer of the same host, or
// another brick below the same parent, may remove it first.
func (p *preparer) removeEmpty(dir string) (bool, error) {
	names, err := p.sys.ReadDir(opUndoLook, dir)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if i := slices.Index(names, trashDir); i >= 0 && len(names) == 1 && dir == p.Path {
		if err := p.sys.RemoveAll(opUndoTidy, filepath.Join(dir, trashDir)); err != nil {
			return false, err
		}
		names = nil
	}
	if len(names) > 0 {
		return false, nil
	}
	err = p.sys.Remove(opUndoRemove, dir)
	// Somebody may have put a file there just now: then it stays.
	if errors.Is(err, unix.ENOTEMPTY) {
		return false, nil
	}
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	return err == nil, err
}

// restore gives the directory the attributes that it had.
func (p *preparer) restore(m made) error {
	if m.VolumeID != nil {
		if err := p.sys.Setxattr(opUndoXattr, p.Path, xattrVolumeID, m.VolumeID); err != nil {
			return err
		}
	} else if err := p.sys.Removexattr(opUndoXattr, p.Path, xattrVolumeID); err != nil {
		return err
	}
	if m.GFID {
		return nil
	}
	return p.sys.Removexattr(opUndoXattr, p.Path, xattrGFID)
}

// undoParents removes the folders above the brick that Prepare made, from the deepest up, as far as they are empty.
func (p *preparer) undoParents() error {
	for dir := filepath.Dir(p.Path); dir != "/"; dir = filepath.Dir(dir) {
		if err := p.sys.RemoveAll(opUndoTidy, p.tmpName(dir)); err != nil && !errors.Is(err, unix.ENOTDIR) {
			return err
		}
		m, err := p.ours(dir)
		if err != nil {
			return err
		}
		if m.Owner != p.Mark || !m.Directory {
			continue // not ours; but one above it may be, if the undo was cut off
		}
		if _, err := p.removeEmpty(dir); err != nil {
			return err
		}
	}
	return nil
}

// Release takes the marks of a volume off a directory that was its brick, so that it can become another's. Files stay.
// A directory that is gone, or that bears the id of another volume, is left alone.
func Release(ctx context.Context, sys OS, w Where, volumeID string) error {
	id, err := uuid.Parse(volumeID)
	if err != nil {
		return w.refuse(api.Internal, "volume id %q: %v", volumeID, err)
	}
	if err := ctx.Err(); err != nil {
		return w.refuse(api.Timeout, "not released: %v", err)
	}
	has, err := sys.Getxattr(opUndoLook, w.Path, xattrVolumeID)
	if errors.Is(err, os.ErrNotExist) || (err == nil && string(has) != string(id[:])) {
		return nil
	}
	if err != nil {
		return w.refuse(api.State, "cannot be released: %v", err)
	}
	// The volume id goes last: until then a repeated Release knows the directory.
	for _, name := range []string{xattrGFID, xattrMade, xattrVolumeID} {
		if err := sys.Removexattr(opUndoXattr, w.Path, name); err != nil {
			return w.refuse(api.State, "cannot be released: %v", fmt.Errorf("%s: %w", name, err))
		}
	}
	return nil
}
