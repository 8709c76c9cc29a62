package brick

import (
	"errors"
	"path/filepath"
	"strings"

	"gd2/glusterd2/process"
	"gd2/pkg/api"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Status tells how a brick of this host does. It is online if its process lives and has signed in at the port map. The
// Info of the result is left for the caller to fill. What could not be found out is said in Error.
func (h *Host) Status(s Spec) api.BrickStatus {
	st := h.Figures(s)
	if st.BlockSize == 0 {
		return st
	}
	m, err := mountOf(s.Path)
	if err != nil {
		st.Error = strings.TrimPrefix(st.Error+"; "+err.Error(), "; ")
		return st
	}
	st.FS, st.Device, st.MountOpts = m.FSType, m.Source, options(m)
	return st
}

// Figures is Status without what the brick's filesystem is: to tell that all mounts of the host are read, of which there may be as many as
// bricks.
func (h *Host) Figures(s Spec) api.BrickStatus {
	st := api.BrickStatus{}
	p, err := h.find(s)
	entry, signedIn := h.cfg.SignIns.Entry(s.Path)
	switch {
	case errors.Is(err, process.ErrNotRunning):
		st.Error = "its process does not run"
	case err != nil:
		st.Error = err.Error()
	case !signedIn:
		st.Pid, st.Error = p.Pid(), "its process runs but has not signed in yet"
	default:
		st.Pid, st.Port, st.Online = p.Pid(), entry.Port, true
	}
	if err := filesystem(s.Path, &st); err != nil {
		st.Error = strings.TrimPrefix(st.Error+"; "+err.Error(), "; ")
	}
	return st
}

// filesystem fills in the figures of the filesystem that a path is on.
func filesystem(path string, st *api.BrickStatus) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return api.Errorf(api.Internal, "statfs %s: %v", path, err)
	}
	block := uint64(fs.Bsize) // #nosec G115 -- a block size is positive
	st.Size = api.SizeInfo{Capacity: fs.Blocks * block, Used: (fs.Blocks - fs.Bfree) * block, Free: fs.Bavail * block}
	st.BlockSize = block
	st.Inodes = api.InodeInfo{Total: fs.Files, Used: fs.Files - fs.Ffree, Free: fs.Ffree}
	return nil
}

// mountOf returns the mount that a path is on: the deepest one above it, and of several on one point the last.
func mountOf(path string) (*mountinfo.Info, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	mounts, err := mountinfo.GetMounts(mountinfo.ParentsFilter(real))
	if err != nil {
		return nil, api.Errorf(api.Internal, "list of mounts: %v", err)
	}
	var best *mountinfo.Info
	for _, m := range mounts {
		if best == nil || len(m.Mountpoint) >= len(best.Mountpoint) {
			best = m
		}
	}
	if best == nil {
		return nil, api.Errorf(api.Internal, "no mount holds %s", real)
	}
	return best, nil
}

// options joins the options of a mount and those of its filesystem, each once, as /proc/mounts shows them.
func options(m *mountinfo.Info) string {
	out := strings.Split(m.Options, ",")
	seen := map[string]bool{}
	for _, o := range out {
		seen[o] = true
	}
	for o := range strings.SplitSeq(m.VFSOptions, ",") {
		// A read-only mount of a writable filesystem says ro in the one and rw in the other; the mount's word counts.
		if o != "" && o != "rw" && o != "ro" && !seen[o] {
			out = append(out, o)
			seen[o] = true
		}
	}
	return strings.Join(out, ",")
}

// Device returns the number of the filesystem that a path on this host is on, for counting the bricks that share one.
func Device(sys OS, path string) (uint64, error) {
	st, err := sys.Stat(opCheckDevice, path)
	if err != nil {
		return 0, api.Errorf(api.Internal, "%v", err)
	}
	return st.Device, nil
}
