package server

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"gd2/glusterd2/clirpc"
	"gd2/glusterd2/quota"
	"gd2/pkg/api"
)

// glusterFiles writes what GlusterFS' own command gluster reads on this host beside the answers. Its places are built into
// the command.
type glusterFiles struct{ mounter quota.Mounter }

var _ clirpc.Files = glusterFiles{}

// Places that are built into the command gluster.
const (
	glusterStateDir = "/var/run/gluster"
	glusterWorkDir  = "/var/lib/glusterd"
)

// WriteState implements clirpc.Files.
func (glusterFiles) WriteState(dir, name, text string) (string, error) {
	if dir == "" {
		dir = glusterStateDir
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
	}
	if name == "" {
		name = "glusterd_state_" + time.Now().Format("20060102_150405")
	}
	if !filepath.IsAbs(dir) || strings.Contains(name, "/") {
		return "", api.FieldErrorf("odir", "the state is written to a folder named by an absolute path, in a file named without /: not to %.100q in %.100q", name, dir)
	}
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return "", api.Errorf(api.Invalid, "the state cannot be written: %v", err)
	}
	_, err = f.WriteString(text)
	return path, errors.Join(err, f.Close())
}

// limitsStay is how long the file of limits stays.
const limitsStay = 2 * time.Minute

// showQuotaDaemon puts a link to the pid file of the quota daemon where the command gluster looks for it, before it asks the
// daemon for anything. While there is no daemon the link leads nowhere, which is what it should say.
func showQuotaDaemon(pidFile string) error {
	link := filepath.Join(glusterStateDir, "quotad", "quotad.pid")
	if link == pidFile {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	fresh := link + ".new"
	_ = os.Remove(fresh) // of a daemon that died in between
	return errors.Join(os.Symlink(pidFile, fresh), os.Rename(fresh, link))
}

// Mount implements clirpc.Files.
func (g glusterFiles) Mount(ctx context.Context, volume string) error {
	return g.mounter.MountFor(ctx, volume, filepath.Join(glusterStateDir, volume+"_quota_list"))
}

// Kinds of limits in the file of limits.
const (
	limitOfBytes   = 1
	limitOfObjects = 2
)

// WriteLimits implements clirpc.Files: a line that tells the version, then 16 bytes of gfid and one of the kind for each limit.
func (glusterFiles) WriteLimits(volume string, limits []api.QuotaLimit) error {
	text := []byte("GlusterFS Quota conf | version: v1.2\n")
	for _, l := range limits {
		id, err := uuid.Parse(l.GFID)
		if err != nil {
			return api.Errorf(api.Internal, "limit of %q in volume %s: %v", l.Path, volume, err)
		}
		kind := byte(limitOfBytes)
		if l.Type == api.QuotaObjects {
			kind = limitOfObjects
		}
		text = append(append(text, id[:]...), kind)
	}
	dir := filepath.Join(glusterWorkDir, "vols", volume)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	part, err := os.CreateTemp(dir, "quota.conf.")
	if err != nil {
		return err
	}
	_, err = part.Write(text)
	path := filepath.Join(dir, "quota.conf")
	if err := errors.Join(err, part.Close()); err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	// The command reads it at once. If it stayed, a glusterd that comes back to this host would take the folder for a volume.
	time.AfterFunc(limitsStay, func() {
		_ = os.Remove(path)
		_ = os.Remove(dir) // unless others have files there
	})
	return os.Rename(part.Name(), path)
}
