package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"gd2/pkg/runcmd"

	"golang.org/x/sys/unix"
)

// leftoverGrace is how long a daemon whose start failed may take to end by itself, and then again after SIGTERM.
const leftoverGrace = 2 * time.Second

// maxSocketPath is what sun_path of a unix socket address holds, less the closing NUL.
const maxSocketPath = 107

// Start returns the running daemon: the one that runs already, or a new one. It returns once the daemon serves, because
// the process that was started stays until then and ends with the daemon's verdict. A daemon that fails, or is not ready
// when ctx or the spec's timeout ends, leaves no process behind; the error is then a *StartError.
func Start(ctx context.Context, s Spec) (*Process, error) {
	p, err := Adopt(s)
	if !errors.Is(err, ErrNotRunning) {
		return p, err
	}
	if err := prepare(s); err != nil {
		return nil, err
	}
	timeout := s.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := launch(ctx, s); err != nil {
		return nil, errors.Join(err, endLeftover(s))
	}
	p, err = Adopt(s)
	if err != nil {
		return nil, fmt.Errorf("%s ended right after its start: %w", s.Name, err)
	}
	return p, nil
}

// prepare makes the folders that the daemon expects, and refuses a socket path that the kernel would cut.
func prepare(s Spec) error {
	if len(s.Socket) > maxSocketPath {
		return fmt.Errorf("%s: socket path %q has %d bytes, the kernel allows %d: choose a shorter rundir",
			s.Name, s.Socket, len(s.Socket), maxSocketPath)
	}
	for _, path := range []string{s.PidFile, s.Socket, s.LogFile} {
		if path == "" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("start %s: %w", s.Name, err)
		}
	}
	return nil
}

// launch runs the program until the process that we started ends.
func launch(ctx context.Context, s Spec) error {
	logStart := fileSize(s.LogFile)
	// A file instead of a pipe: a daemon that keeps its stderr could not hold us up, nor be hurt when we are gone.
	fd, err := unix.MemfdCreate("stderr", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.Name, err)
	}
	stderr := os.NewFile(uintptr(fd), "stderr")
	defer func() { _ = stderr.Close() }() // it is memory
	cmd := exec.CommandContext(ctx, s.Path, s.Args...)
	cmd.Env = append(os.Environ(), s.Env...)
	cmd.Stderr = stderr
	cmd.Dir = "/"
	// A session of its own: no signal to our process group, such as Ctrl-C in a terminal, reaches the daemon.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Run()
	if err == nil {
		return nil
	}
	e := &StartError{Name: s.Name, Command: runcmd.Line(s.Path, s.Args...), Code: -1, Err: err}
	if cmd.ProcessState != nil {
		e.Code = cmd.ProcessState.ExitCode()
	}
	if ctx.Err() != nil {
		e.Code, e.Err = -1, context.Cause(ctx)
	}
	e.Log = logErrors(s.LogFile, logStart)
	if text, err := readAll(stderr); err == nil && len(e.Log) == 0 {
		e.Log = lastLines(text, maxLogLines)
	}
	return e
}

// readAll returns what was written to a file through any descriptor, up to a limit.
func readAll(f *os.File) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(f, 0, maxLogBytes))
}

// endLeftover makes sure that a daemon whose start failed is gone: it may still be cleaning up when its parent reports,
// and lives on if only the parent was killed.
func endLeftover(s Spec) error {
	p, err := Adopt(s)
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }() // ends a watch, nothing more
	// The context of the start may be over; this must happen all the same.
	ctx, cancel := context.WithTimeout(context.Background(), 3*leftoverGrace)
	defer cancel()
	return p.Stop(ctx, leftoverGrace)
}
