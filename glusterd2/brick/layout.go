package brick

import (
	"fmt"
	"path/filepath"

	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"

	"github.com/cespare/xxhash/v2"
)

// Layout says where the files of daemons are on this peer. All folders are absolute.
type Layout struct {
	// RunDir holds pid files and sockets, LogDir logs, WorkDir the daemon's own state (localstatedir).
	RunDir, LogDir, WorkDir string
}

// Spec says which brick to run: all that its process depends on.
type Spec struct {
	VolumeName string
	// Host is this peer's address as volfiles carry it. The brick asks there, on port 24007, for its volfile.
	Host string
	Path string
}

// String returns host:path.
func (s Spec) String() string { return s.Host + ":" + s.Path }

// PidFile returns the path of the brick's pid file, as glusterd names it: vols/VOL/HOST-DASHES.pid in the run folder.
func (l Layout) PidFile(s Spec) string {
	return filepath.Join(l.RunDir, "vols", s.VolumeName, pidFileName(s))
}

// key is that of the brick's volfile.
func (s Spec) key() string { return volgen.BrickKey(s.VolumeName, s.Host, s.Path) }

func pidFileName(s Spec) string { return s.Host + "-" + volume.Dashes(s.Path) + ".pid" }

// VolFile returns the path of the file in which a running process is handed the volfile of a brick. Its name, without
// .vol, is the key by which the process asks for the volfile from then on.
func (l Layout) VolFile(s Spec) string {
	return filepath.Join(l.RunDir, "vols", s.VolumeName, s.key()+".vol")
}

// Socket returns the path of the brick's unix socket: glusterd hashes a name that is too long for one.
func (l Layout) Socket(s Spec) string {
	return l.hashed(filepath.Join(l.RunDir, "vols", s.VolumeName, "run", s.Host+"-"+volume.Dashes(s.Path)))
}

// SelfHealPidFile returns the pid file of the self-heal daemon for one of its volumes.
func (l Layout) SelfHealPidFile(volumeName string) string {
	return filepath.Join(l.RunDir, "shd", volumeName, volumeName+"-shd.pid")
}

// SelfHealSocket returns the socket of a self-heal daemon that was started for the volume.
func (l Layout) SelfHealSocket(volumeName, peerID string) string {
	return l.hashed(filepath.Join(l.RunDir, "shd", volumeName, "run-"+peerID))
}

// RebalanceSocket returns the socket of the rebalance process of a volume.
func (l Layout) RebalanceSocket(volumeName, peerID string) string {
	return l.hashed(filepath.Join(l.RunDir, "gluster-rebalance-"+volumeName+"-"+peerID+".sock"))
}

// SelfHealLog returns the log of the self-heal daemon.
func (l Layout) SelfHealLog() string { return filepath.Join(l.LogDir, "glustershd.log") }

// QuotaPidFile returns the pid file of the quota daemon.
func (l Layout) QuotaPidFile() string { return filepath.Join(l.RunDir, "quotad", "quotad.pid") }

// QuotaSocket returns the socket of the quota daemon.
func (l Layout) QuotaSocket(peerID string) string {
	return l.hashed(filepath.Join(l.RunDir, "quotad", "run-"+peerID))
}

// LogFile returns the path of the brick's log.
func (l Layout) LogFile(s Spec) string {
	return filepath.Join(l.LogDir, "bricks", volume.Dashes(s.Path)+".log")
}

// Env returns the environment that glusterd gives its daemons.
func (l Layout) Env() []string {
	return []string{"_GLUSTERD_CALLED_=1", "GLUSTERD_WORKDIR=" + l.WorkDir, "DEFAULT_VAR_RUN_DIRECTORY=" + l.RunDir}
}

func (l Layout) hashed(name string) string { return filepath.Join(l.RunDir, hash(name)+".socket") }

// hash is XXH64 with seed 0, as 16 hex digits.
func hash(s string) string { return fmt.Sprintf("%016x", xxhash.Sum64String(s)) }
