package process

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Limits on what is read of a log, and shown of it.
const (
	maxLogBytes = 64 << 10
	maxLogLines = 3
)

// Exit codes of glusterfsd and glusterfs (measured with 10.3): an errno in two cases.
const (
	exitInitFailed  = 1
	exitNoVolfile   = 2   // ENOENT: the daemon at -s does not know the volfile id
	exitUnreachable = 107 // ENOTCONN: nobody answers at -s
)

// StartError says why a daemon did not start.
type StartError struct {
	Name    string
	Command string
	// Code is the exit code, -1 if the program could not be run or did not end in time.
	Code int
	// Log are the errors that the daemon logged, or the last lines of its stderr.
	Log []string
	Err error
}

// Error returns the daemon's name, the meaning of its exit code and its last words.
func (e *StartError) Error() string {
	msg := fmt.Sprintf("%s did not start: %s", e.Name, e.meaning())
	if len(e.Log) > 0 {
		msg += ": " + strings.Join(e.Log, " | ")
	}
	return msg
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

func (e *StartError) meaning() string {
	switch e.Code {
	case exitInitFailed:
		return "its initialisation failed (exit code 1)"
	case exitNoVolfile:
		return "the management daemon has no volfile for it (exit code 2)"
	case exitUnreachable:
		return "it could not reach the management daemon (exit code 107)"
	case -1:
		return e.Err.Error()
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

// AddressInUse reports whether the daemon failed because its port was taken: GlusterFS says so only in its log.
func (e *StartError) AddressInUse() bool { return e.logged("Address already in use") }

// NoVolfile reports whether the daemon failed because the management daemon had no volfile for it.
func (e *StartError) NoVolfile() bool { return e.Code == exitNoVolfile }

// Unreachable reports whether the daemon failed because it could not reach the management daemon.
func (e *StartError) Unreachable() bool { return e.Code == exitUnreachable }

func (e *StartError) logged(text string) bool {
	for _, line := range e.Log {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// severe matches a line of a GlusterFS log of severity error, critical, alert or emergency:
// "[date] E [MSGID: n] [file:line:function] 0-xlator: text". What is kept is what follows the place in the source.
var severe = regexp.MustCompile(`^\[[^\]]*\] [ECAM] (?:\[MSGID: \d+\] )?\[[^\]]*\] (.*)$`)

// logErrors returns the errors that were written to a log at and after offset from.
func logErrors(path string, from int64) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // only read
	from = max(from, fileSize(path)-maxLogBytes)
	data, err := io.ReadAll(io.NewSectionReader(f, from, maxLogBytes))
	if err != nil {
		return nil
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		if m := severe.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			out = append(out, strings.TrimSpace(m[1]))
		}
	}
	return causes(out)
}

// echoes are errors that only say that another one happened before.
func echoes() []string {
	return []string{"Initialization of volume failed", "initializing translator failed", "graph: init failed", "failed to fetch volume file"}
}

// causes picks the lines to show: the first ones, less the echoes that follow them unless there is nothing else.
func causes(lines []string) []string {
	out := slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return slices.ContainsFunc(echoes(), func(echo string) bool { return strings.Contains(line, echo) })
	})
	if len(out) == 0 {
		out = lines
	}
	return out[:min(len(out), maxLogLines)]
}

// lastLines returns the last n lines of text that are not blank.
func lastLines(text []byte, n int) []string {
	var out []string
	for line := range bytes.Lines(text) {
		if s := strings.TrimSpace(string(line)); s != "" {
			out = append(out, s)
		}
	}
	return out[max(0, len(out)-n):]
}
