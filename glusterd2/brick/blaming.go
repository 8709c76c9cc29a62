package brick

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"gd2/pkg/api"
)

// opBlamingLook labels what Blaming and Dispersed ask of the operating system.
const opBlamingLook Op = "blaming-look"

const (
	// blameIndex lists, by gfid, what the brick blames other copies for; the entries whose names begin with blameBase are
	// what the others are links to.
	blameIndex = ".glusterfs/indices/xattrop"
	blameBase  = "xattrop-"
	// xattrVersion is on every file and directory of a disperse set that was written or healed.
	xattrVersion = "trusted.ec.version"
)

// Blaming counts the entries that other copies are still to be healed of from this brick. One that never blamed any has
// none. Errors are api.State if the brick cannot be read.
func Blaming(ctx context.Context, sys OS, w Where) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, w.refuse(api.Timeout, "not looked at: %v", err)
	}
	names, err := sys.ReadDir(opBlamingLook, filepath.Join(w.Path, blameIndex))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, w.refuse(api.State, "cannot be read: %v", err)
	}
	n := 0
	for _, name := range names {
		if !strings.HasPrefix(name, blameBase) {
			n++
		}
	}
	return n, nil
}

// Dispersed reports whether the root of a brick of a disperse set is part of the set: a new one is not before its first heal.
func Dispersed(sys OS, w Where) (bool, error) {
	version, err := sys.Getxattr(opBlamingLook, w.Path, xattrVersion)
	if err != nil {
		return false, w.refuse(api.State, "cannot be read: %v", err)
	}
	return version != nil, nil
}
