package store

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"gd2/pkg/api"
)

// etcd ends the process when it cannot write, so a member stops before its disk is full, and starts when there is room.
const (
	// minRoom is the room on the disk below which the member stops; what it needs at any moment is little.
	minRoom = 16 << 20
	// logAhead is what etcd allocates for its log ahead: a member that starts takes it, and one that stops gives it back.
	logAhead = 64 << 20
	// roomAgain is the room from which a member starts that was stopped: it must be left with more than minRoom when the
	// member has taken what it takes, or it would stop at once.
	roomAgain = 128 << 20
	// roomPause is the pause between looks.
	roomPause = time.Second
	// reserved is the room that the database takes on the disk ahead of what it needs, so that a disk that fills up
	// between two looks does not end it.
	reserved = 32 << 20
	// blockBytes is the unit in which a file's blocks are told (stat(2)).
	blockBytes = 512
)

// roomOn returns how many bytes the file system of a directory has left.
func roomOn(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// needRoom returns an error of kind Unavailable if the disk has less than some bytes left.
func (s *Store) needRoom(bytes int64) error {
	room, err := s.cfg.room(s.cfg.Dir)
	if err != nil || room >= bytes {
		return nil //nolint:nilerr // a disk that does not tell is used
	}
	return api.Errorf(api.Unavailable, "this peer's member of the store is stopped: its disk at %s has %d MiB left, it needs %d MiB to start",
		s.cfg.Dir, room>>20, roomAgain>>20)
}

// watchRoom stops the member while the disk is full.
func (s *Store) watchRoom() {
	tick := time.NewTicker(roomPause)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		if s.parked.Load() != nil {
			s.unpark()
		} else if sv := s.server.Load(); sv != nil {
			if err := s.needRoom(minRoom); err != nil {
				s.park(err)
			} else {
				sv.reserve()
			}
		}
	}
}

// reserve gives the database blocks of the disk beyond its end. A file system that cannot do that is as it is without.
func (sv *server) reserve() {
	f, err := os.OpenFile(filepath.Join(sv.dir, "member", "snap", "db"), os.O_RDWR, 0)
	if err != nil {
		return
	}
	var info unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &info); err == nil && info.Blocks*blockBytes < info.Size+reserved {
		_ = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, info.Size+reserved)
	}
	_ = f.Close()
}

// park stops the member; what others know of it does not change.
func (s *Store) park(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.server.Load() == nil {
		return
	}
	s.log.Warn(reason)
	s.parked.Store(api.AsError(reason))
	s.server.Swap(nil).stop()
}

// unpark starts it again.
func (s *Store) unpark() {
	reason := s.needRoom(roomAgain)
	if reason != nil {
		s.parked.Store(api.AsError(reason))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.cut.Load() != nil || s.state.Member == nil || s.server.Load() != nil {
		s.parked.Store(nil)
		return
	}
	if err := s.startRecorded(); err != nil {
		s.log.WithError(err).Warn("this peer's member of the store does not start; it is tried again")
		return
	}
	s.log.Info("this peer's member of the store was started again")
}
