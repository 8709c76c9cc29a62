package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// starterFD names the variable that tells a daemon through which descriptor whoever started it waits for its verdict.
const starterFD = "GD2_STARTER_FD"

// verdictUp is the verdict of a daemon that serves. Every other text is why it does not.
const verdictUp = "up"

// starter is the process that waits until this one serves or has failed. The zero value is nobody.
type starter struct{ pipe *os.File }

// starterOf returns who waits for this process, and whether somebody does.
func starterOf() (starter, bool, error) {
	text := os.Getenv(starterFD)
	if text == "" {
		return starter{}, false, nil
	}
	fd, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return starter{}, false, fmt.Errorf("%s is %q; it is set by glusterd itself, and must not be set by others", starterFD, text)
	}
	unix.CloseOnExec(int(fd)) // bricks outlive the daemon: they would keep the starter waiting
	return starter{os.NewFile(uintptr(fd), "starter")}, true, os.Unsetenv(starterFD)
}

func (s starter) up() { s.tell(verdictUp) }

func (s starter) failed(err error) { s.tell(err.Error()) }

// tell says how it went, once; it does not matter whether anybody still waits.
func (s starter) tell(verdict string) {
	if s.pipe == nil {
		return
	}
	_, _ = io.WriteString(s.pipe, verdict)
	_ = s.pipe.Close()
}

// startInBackground starts this program once more, in a session of its own, and waits for its verdict, which becomes the code
// that is returned. What the daemon writes to its standard streams, such as a stack when it dies, goes to its log.
func startInBackground(logFile string, args []string, stderr io.Writer) int {
	verdict, code, err := launch(logFile, args)
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "glusterd:", err)
	case verdict == verdictUp:
		return 0
	case verdict == "":
		fmt.Fprintln(stderr, "glusterd: the daemon has ended without a word; its log is", logFile)
	default:
		fmt.Fprintln(stderr, "glusterd:", verdict)
	}
	return max(code, 1)
}

// launch returns the verdict of the daemon, and its code if it has ended.
func launch(logFile string, args []string) (verdict string, code int, err error) {
	out, err := streamsOf(logFile)
	if err != nil {
		return "", 0, err
	}
	defer out.Close()
	hear, tell, err := os.Pipe()
	if err != nil {
		return "", 0, err
	}
	defer hear.Close()
	// By the name that it was started with: what lists processes shows the last part of that.
	self, err := exec.LookPath(os.Args[0])
	if err != nil {
		return "", 0, errors.Join(err, tell.Close())
	}
	cmd := exec.Command(self, args...) //nolint:noctx // it outlives this process
	cmd.Args[0] = os.Args[0]
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = out, out, []*os.File{tell}
	cmd.Env = append(os.Environ(), starterFD+"=3")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	if err = errors.Join(err, tell.Close()); err != nil {
		return "", 0, err
	}
	text, err := io.ReadAll(hear)
	if err != nil || string(text) == verdictUp {
		return string(text), 0, err
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	return string(text), code, nil
}

// streamsOf opens what becomes the daemon's standard output and error.
func streamsOf(logFile string) (*os.File, error) {
	if !filepath.IsAbs(logFile) {
		return os.OpenFile(os.DevNull, os.O_RDWR, 0)
	}
	if err := os.MkdirAll(filepath.Dir(logFile), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
}
