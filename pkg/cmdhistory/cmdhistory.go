// Package cmdhistory writes down the commands that a daemon was given and what became of them, in the form of glusterd's
// cmd_history.log: scripts and people look there for who did what.
package cmdhistory

import (
	"errors"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
)

// FileName is the name of the file, in the directory of logs.
const FileName = "cmd_history.log"

// maxText bounds a command, and what is said of its failure, in bytes.
const maxText = 8 << 10

// Log is the file. It is opened for every line, so that it may be moved away at any time. Its methods may be called at once.
type Log struct {
	path string
	now  func() time.Time
	mu   sync.Mutex
}

// New returns the log with the given path. Nothing is written before Note.
func New(path string) *Log { return &Log{path: path, now: time.Now} }

// Note writes down a command that has ended; failed is nil if it succeeded.
func (l *Log) Note(command string, failed error) error {
	line := l.line(command, failed)
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}

// line is glusterd 10.3's form.
func (l *Log) line(command string, failed error) string {
	outcome := "SUCCESS"
	if failed != nil {
		outcome = "FAILED : " + oneLine(failed.Error())
	}
	return "[" + l.now().UTC().Format("2006-01-02 15:04:05.000000 -0700") + "]  : " + oneLine(command) + " : " + outcome + "\n"
}

// oneLine makes one line of what may come from the network, so that nobody can write lines that look like others.
func oneLine(text string) string {
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
}
