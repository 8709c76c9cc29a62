// Package process starts, adopts, watches and stops the daemons of GlusterFS on this host.
//
// They are not children that we wait for: glusterfsd and glusterfs put themselves into the background, and must outlive
// a stop or a crash of gd2. So a process is known by its pid file, on which every GlusterFS daemon holds a lock for as
// long as it lives, and by its command line; its end is seen through a pidfd, which no reuse of the pid can deceive.
package process

import (
	"errors"
	"path/filepath"
	"slices"
	"time"
)

// DefaultTimeout bounds the start of a daemon, from exec to the exit of the process that puts it into the background.
const DefaultTimeout = 60 * time.Second

// Spec says what a daemon is: how to start it and how to know it again.
type Spec struct {
	// Name is how people call it, such as "brick node1:/bricks/b1".
	Name string
	// Path is the program, Args its arguments without the program's name.
	Path string
	Args []string
	// Env is added to the environment of this process.
	Env []string
	// PidFile is where the daemon writes its pid; it must be among the Args too.
	PidFile string
	// Socket and LogFile are the unix socket and the log that the Args name; either may be empty. The folders of all
	// three files are made before the start.
	Socket, LogFile string
	// Identity are the arguments by which a running process is known as this daemon. The pid file is always one.
	Identity []string
	// Timeout bounds the start; 0 means DefaultTimeout.
	Timeout time.Duration
}

// ErrNotRunning says that no living process is the daemon that was looked for.
var ErrNotRunning = errors.New("not running")

// matches reports whether argv is a command line of this daemon. Arguments that change from one start to the next, such
// as the port, must not be part of Identity.
func (s *Spec) matches(argv []string) bool {
	if len(argv) == 0 || filepath.Base(argv[0]) != filepath.Base(s.Path) || !slices.Contains(argv, s.PidFile) {
		return false
	}
	for _, want := range s.Identity {
		if !slices.Contains(argv, want) {
			return false
		}
	}
	return true
}
