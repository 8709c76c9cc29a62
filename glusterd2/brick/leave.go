package brick

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gd2/pkg/api"
)

// opLeaveLook labels what the checks of a brick that is to be removed ask of the operating system.
const opLeaveLook Op = "leave-look"

const (
	// xattrLinkTo is on the empty files by which distribute finds those that are elsewhere.
	xattrLinkTo = "trusted.glusterfs.dht.linkto"
	// indexDir lists the files of which a copy blames another, besides one link target named indexBase and an id (features/index).
	indexDir  = ".glusterfs/indices/xattrop"
	indexBase = "xattrop-"
)

// Empty refuses a brick that still has files of the volume: directories, GlusterFS' own folders, and pointers to files
// on other bricks do not count. Errors: State, naming the first file; Timeout; Internal.
func Empty(ctx context.Context, sys OS, w Where) error {
	err := filepath.WalkDir(w.Path, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, os.ErrNotExist) && path != w.Path:
			return nil // it has just gone
		case err != nil:
			return err
		case ctx.Err() != nil:
			return w.refuse(api.Timeout, "not all of it was looked at: %v", ctx.Err())
		case d.IsDir() && ofGluster(w.Path, path):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		pointer, err := isPointer(sys, path, d)
		if err != nil || pointer {
			return err
		}
		return w.refuse(api.State, "file %q has not been moved", strings.TrimPrefix(path, w.Path))
	})
	var refused *api.Error
	if err == nil || errors.As(err, &refused) {
		return err
	}
	return w.refuse(api.Internal, "cannot be looked at: %v", err)
}

// ofGluster reports whether a directory is one that GlusterFS keeps for itself: .glusterfs, .glusterfs-anonymous-inode-ID,
// and the trash.
func ofGluster(brick, path string) bool {
	name := filepath.Base(path)
	return filepath.Dir(path) == brick && (strings.HasPrefix(name, ".glusterfs") || name == trashDir)
}

// isPointer reports whether a file only points to another brick: distribute gives it the mode ---------T and says where.
func isPointer(sys OS, path string, d fs.DirEntry) (bool, error) {
	info, err := d.Info()
	if errors.Is(err, os.ErrNotExist) {
		return true, nil // it has just gone
	}
	if err != nil || !info.Mode().IsRegular() || info.Mode() != fs.ModeSticky {
		return false, err
	}
	to, err := sys.Getxattr(opLeaveLook, path, xattrLinkTo)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	return to != nil, err
}

// Blameless refuses a brick that knows of files of which another copy is worse: these are to be healed from it first. A
// brick that cannot be looked at, perhaps the very reason for its removal, knows nothing. Errors: State.
func Blameless(sys OS, w Where) error {
	names, err := sys.ReadDir(opLeaveLook, filepath.Join(w.Path, indexDir))
	if err != nil {
		return nil //nolint:nilerr // as the comment above says
	}
	n := 0
	for _, name := range names {
		if !strings.HasPrefix(name, indexBase) {
			n++
		}
	}
	if n > 0 {
		return w.refuse(api.State, "%d entries are still to be healed from it, so that it may have the only good copy: wait until volume heal %s info shows none there", n, w.VolumeName)
	}
	return nil
}
