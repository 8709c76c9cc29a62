package brick

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gd2/pkg/api"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"
)

// Extended attributes of a brick's directory.
const (
	// xattrVolumeID holds the 16 bytes of the id of the volume that the directory is a brick of.
	xattrVolumeID = "trusted.glusterfs.volume-id"
	// xattrGFID is on every file and directory that GlusterFS manages, the brick itself included.
	xattrGFID = "trusted.gfid"
	xattrACL  = "system.posix_acl_access"
)

// Labels of what Check asks of the operating system.
const (
	opCheckStat     Op = "check-stat"
	opCheckRealPath Op = "check-real-path"
	opCheckMarks    Op = "check-marks"
	opCheckDevice   Op = "check-device"
	opCheckTrusted  Op = "check-trusted-xattr"
	opCheckUser     Op = "check-user-xattr"
	opCheckACL      Op = "check-acl"
)

// Allow lifts guards of Check, one by one.
type Allow struct {
	// Reuse takes a directory that bears the marks of another volume.
	Reuse bool
	// RootFilesystem takes a directory on the filesystem of /.
	RootFilesystem bool
	// MountPoint takes a directory that is itself a mount point.
	MountPoint bool
	// CreateParents makes the folders above the brick that do not exist.
	CreateParents bool
	// NoACL takes a filesystem without POSIX ACLs.
	NoACL bool
}

// AllowOf turns the brick flags of a request into what they allow. force lifts every guard, but makes no folders.
func AllowOf(flags map[string]bool, force bool) Allow {
	return Allow{
		Reuse:          force || flags[api.FlagReuseBricks],
		RootFilesystem: force || flags[api.FlagAllowRootDir],
		MountPoint:     force || flags[api.FlagAllowMountAsBrick],
		CreateParents:  flags[api.FlagCreateBrickDir],
		NoACL:          force,
	}
}

// CheckReq asks whether a directory can become a brick.
type CheckReq struct {
	Where
	// VolumeID is the volume's id as text. A directory that bears it already passes if it was prepared under Mark, so that a check
	// may be repeated after the preparation, or if it is Own: a brick of the volume that is made anew. Another was taken out of the
	// volume earlier, and what is on it is old.
	VolumeID string
	Mark     string
	Own      bool
	// Known are the paths of this peer's other bricks. No flag makes one a part of another.
	Known []string
	// Real keeps the paths of the known bricks without symbolic links from one check to the next; nil keeps nothing.
	Real  *RealPaths
	Allow Allow
}

// Check looks whether the directory of the request, which need not exist yet, can become a brick of this host. It
// changes nothing. Errors are *api.Error of kind Invalid or State that name the brick, the reason and, if there is one,
// the flag that lifts the guard.
func Check(ctx context.Context, sys OS, req CheckReq) error {
	if err := CheckPath(req.Where); err != nil {
		return err
	}
	if _, err := uuid.Parse(req.VolumeID); err != nil {
		return req.refuse(api.Internal, "volume id %q: %v", req.VolumeID, err)
	}
	c := &checker{CheckReq: req, sys: sys}
	for _, step := range []func() error{c.known, c.locate, c.knownByRealPath, c.marks, c.filesystem, c.xattrs} {
		if err := ctx.Err(); err != nil {
			return req.refuse(api.Timeout, "the check was not finished: %v", err)
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// checker carries what one step of a check found out to the next.
type checker struct {
	CheckReq
	sys OS
	// real is the path without symbolic links, base the deepest part of it that exists.
	real, base string
}

func (c *checker) exists() bool { return c.base == c.real }

func (c *checker) known() error { return c.overlap(c.Path, c.Known) }

func (c *checker) overlap(path string, known []string) error {
	for _, k := range known {
		switch {
		case path == k:
			return c.refuse(api.State, "this directory is a brick already")
		case inside(path, k):
			return c.refuse(api.State, "it is inside the brick %s", k)
		case inside(k, path):
			return c.refuse(api.State, "the brick %s is inside it", k)
		}
	}
	return nil
}

// locate finds out how much of the path exists, and where it really is.
func (c *checker) locate() error {
	base := c.Path
	for {
		st, err := c.sys.Stat(opCheckStat, base)
		if err == nil && !st.Dir {
			return c.refuse(api.State, "%s is not a directory", base)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrNotExist) {
			return c.refuse(api.State, "cannot be looked at: %v", err)
		}
		base = filepath.Dir(base)
	}
	if parent := filepath.Dir(c.Path); base != c.Path && base != parent && !c.Allow.CreateParents {
		return c.refuse(api.State, "its parent directory %s does not exist; make it, or set %s", parent, api.FlagCreateBrickDir)
	}
	realBase, err := c.sys.RealPath(opCheckRealPath, base)
	if err != nil {
		return c.refuse(api.State, "cannot be looked at: %v", err)
	}
	c.base, c.real = realBase, filepath.Join(realBase, c.Path[len(base):])
	return nil
}

// knownByRealPath looks for an overlap that symbolic links hide.
func (c *checker) knownByRealPath() error {
	return c.overlap(c.real, c.Real.of(c.sys, c.Known))
}

// realPathsFor is how long a RealPaths believes what it knows.
const realPathsFor = time.Minute

// RealPaths remembers for a minute where the bricks of a host really are, so that the check of a new one does not look at
// all others on disk. The zero value is ready for use.
type RealPaths struct {
	mu    sync.Mutex
	since time.Time
	paths map[string]string
}

// of returns where bricks really are. One whose directory is gone is left out: it cannot hide behind a link.
func (r *RealPaths) of(sys OS, paths []string) []string {
	if r == nil {
		r = &RealPaths{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.Sub(r.since) > realPathsFor {
		r.since, r.paths = now, map[string]string{}
	}
	out := make([]string, 0, len(paths))
	for _, path := range paths {
		real, ok := r.paths[path]
		if !ok {
			var err error
			if real, err = sys.RealPath(opCheckRealPath, path); err != nil {
				continue
			}
			r.paths[path] = real
		}
		out = append(out, real)
	}
	return out
}

// marks looks for the attributes of bricks on the directory and on everything above it.
func (c *checker) marks() error {
	if c.Allow.Reuse {
		return nil
	}
	own := uuid.MustParse(c.VolumeID)
	for dir := c.base; ; dir = filepath.Dir(dir) {
		id, err := c.mark(dir, xattrVolumeID)
		if err != nil {
			return err
		}
		if dir == c.real && string(id) == string(own[:]) {
			if again, err := c.again(dir); again || err != nil {
				return err
			}
		}
		if id != nil {
			return c.refuse(api.State, "%s is or was a brick of the volume with id %s; set %s or force to use it all the same",
				dir, idText(id), api.FlagReuseBricks)
		}
		gfid, err := c.mark(dir, xattrGFID)
		if err != nil {
			return err
		}
		if gfid != nil {
			return c.refuse(api.State, "%s is or was inside a brick: it has a gfid; set %s or force to use it all the same",
				dir, api.FlagReuseBricks)
		}
		if dir == "/" {
			return nil
		}
	}
}

// again reports whether the directory, a brick of the volume, may be prepared once more.
func (c *checker) again(dir string) (bool, error) {
	if c.Own {
		return true, nil
	}
	m, err := readMade(c.sys, opCheckMarks, dir)
	if err != nil {
		return false, c.refuse(api.State, "cannot be looked at: %v", err)
	}
	return m.Owner != "" && m.Owner == c.Mark, nil
}

func (c *checker) mark(dir, name string) ([]byte, error) {
	v, err := c.sys.Getxattr(opCheckMarks, dir, name)
	// A filesystem above the brick's own need not know extended attributes at all; then nothing there is a brick.
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, c.refuse(api.State, "cannot be looked at: %v", err)
	}
	return v, nil
}

func idText(id []byte) string {
	u, err := uuid.FromBytes(id)
	if err != nil {
		return "unreadable"
	}
	return u.String()
}

const opUsable Op = "usable"

// Usable looks whether a brick's directory is there and is the volume's, as glusterfsd wants it.
func Usable(sys OS, w Where, volumeID string) error {
	id, err := uuid.Parse(volumeID)
	if err != nil {
		return w.refuse(api.Internal, "volume id %q: %v", volumeID, err)
	}
	has, err := sys.Getxattr(opUsable, w.Path, xattrVolumeID)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return w.refuse(api.State, "its directory is not there")
	case err != nil:
		return w.refuse(api.State, "cannot be looked at: %v", err)
	case has == nil:
		return w.refuse(api.State, "its directory has no volume id; perhaps the filesystem of the brick is not mounted")
	case string(has) != string(id[:]):
		return w.refuse(api.State, "its directory is a brick of the volume with id %s", idText(has))
	}
	return nil
}
