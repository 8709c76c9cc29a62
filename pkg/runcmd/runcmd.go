// Package runcmd runs a command and waits for it: with a context, a limit on what is kept of its output, and errors
// that say what was run, how it ended and what it said last.
package runcmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// DefaultLimit is how many bytes of each of stdout and stderr are kept unless Command.Limit says otherwise.
const DefaultLimit = 1 << 20

// killDelay bounds the wait for the output of grandchildren that outlive a command that was killed.
const killDelay = 2 * time.Second

// wholeDelay is how long a command that should not be cut short has to end by itself.
const wholeDelay = 30 * time.Second

// Command is a command to run. There is no shell: Args reach the program as they are.
type Command struct {
	Name string
	Args []string
	// Env is added to the environment of this process; of two values for one name the later wins.
	Env []string
	Dir string
	// Input is what the command reads from stdin; nil means nothing.
	Input []byte
	// Files are open in the command too, as descriptors from 3 on.
	Files []*os.File
	// Limit is how many bytes of stdout may come before the run fails; 0 means DefaultLimit. Of stderr the last Limit
	// bytes are kept.
	Limit int
	// Whole is for commands that should not end in the middle of their work, such as LVM's: it goes on if this process dies, which
	// would otherwise end it at its next line of output, and when ctx ends it is asked to end, and killed half a minute later only.
	Whole bool
}

// Result is what a command that ran wrote, and its exit code.
type Result struct {
	Stdout, Stderr []byte
	ExitCode       int
}

// Error says that a command could not be run, or ended with another code than 0.
type Error struct {
	// Command is the command line, for people.
	Command string
	// ExitCode is -1 when the command did not run to its end.
	ExitCode int
	// LastLine is the last line that is not empty on stderr.
	LastLine string
	// Err is the cause: that of the context when it ended the command.
	Err error
}

// Error returns the command line, how it ended and the last line of its stderr.
func (e *Error) Error() string {
	how := fmt.Sprintf("exit code %d", e.ExitCode)
	if e.ExitCode < 0 && e.Err != nil {
		how = e.Err.Error()
	}
	if e.LastLine == "" {
		return fmt.Sprintf("%s: %s", e.Command, how)
	}
	return fmt.Sprintf("%s: %s: %s", e.Command, how, e.LastLine)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrTooMuch is the cause of an Error when a command wrote more to stdout than the limit.
var ErrTooMuch = errors.New("its output is longer than the limit")

// Run runs the command and waits for it. When ctx ends the command is killed and the error wraps the context's cause.
// A command that ends with a code other than 0 gives the Result together with an *Error.
func Run(ctx context.Context, c Command) (Result, error) {
	limit := c.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	if c.Whole {
		return runWhole(ctx, c, limit)
	}
	stdout, stderr := &headBuffer{limit: limit}, &TailBuffer{Limit: limit}
	cmd := command(ctx, c)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	res := Result{Stdout: stdout.buf.Bytes(), Stderr: stderr.Bytes(), ExitCode: cmd.ProcessState.ExitCode()}
	return res, failure(ctx, c, res, err, stdout.over)
}

func command(ctx context.Context, c Command) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Name, c.Args...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Dir, cmd.WaitDelay, cmd.ExtraFiles = c.Dir, killDelay, c.Files
	if c.Input != nil {
		cmd.Stdin = bytes.NewReader(c.Input)
	}
	return cmd
}

// failure is the error of a command that ended so; nil if all is well.
func failure(ctx context.Context, c Command, res Result, err error, tooMuch bool) error {
	if err == nil && !tooMuch {
		return nil
	}
	e := &Error{Command: Line(c.Name, c.Args...), ExitCode: res.ExitCode, LastLine: LastLine(res.Stderr), Err: err}
	switch {
	case tooMuch:
		e.ExitCode, e.Err = -1, ErrTooMuch
	case ctx.Err() != nil:
		e.ExitCode, e.Err = -1, context.Cause(ctx)
	}
	return e
}

// Line returns a command line for people, with quotes where an argument needs them.
func Line(name string, args ...string) string {
	words := append([]string{name}, args...)
	for i, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\n\"'\\$&;|<>()") {
			words[i] = fmt.Sprintf("%q", w)
		}
	}
	return strings.Join(words, " ")
}

// LastLine returns the last line of text that is not blank, without spaces around it.
func LastLine(text []byte) string {
	text = bytes.TrimSpace(text)
	return string(bytes.TrimSpace(text[bytes.LastIndexByte(text, '\n')+1:]))
}
