// Package logging opens the one log of a daemon and hands out entries of it, one for each component.
//
// docs/logging.md tells which level to use for what; the names of fields are spelt in this package only.
package logging

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// The names of the fields of a log line.
const (
	// Component is the part of the daemon that speaks: store, transaction, rest, brick, …
	Component = "component"
	// Peer is the id of the peer that the line is about, where that is not the daemon's own.
	Peer = "peer"
	// Volume is the name of a volume.
	Volume = "volume"
	// Brick is host:path of a brick.
	Brick = "brick"
	// PID is a process id.
	PID = "pid"
	// Transaction, Operation and Step say which change a line belongs to.
	Transaction = "transaction"
	Operation   = "operation"
	Step        = "step"
	// Request is the id that the answer to a REST request carries in X-Request-Id.
	Request = "request"
	// Remote is the address of the other end of a connection.
	Remote = "remote"
)

// Stdout and Stderr are the names of the two standard streams as a log file.
const (
	Stdout = "STDOUT"
	Stderr = "STDERR"
)

// FormatJSON is the format of one JSON object a line; every other name means text.
const FormatJSON = "json"

// Options say where a log goes and how it looks.
type Options struct {
	// File is Stdout, Stderr or a path; folders on the way to it are made.
	File string
	// Level is the name of a logrus level, such as info.
	Level string
	// Format is FormatJSON or text.
	Format string
}

// Log is an open log. Its methods may be called at the same time.
type Log struct {
	logger *logrus.Logger
	path   string

	mu   sync.Mutex
	file *os.File
}

// Open opens the log. It fails if the level is unknown or the file cannot be written.
func Open(o Options) (*Log, error) {
	l := &Log{logger: logrus.New()}
	if err := l.SetLevel(o.Level); err != nil {
		return nil, err
	}
	l.logger.SetFormatter(formatter(o.Format))
	switch o.File {
	case Stdout:
		l.logger.SetOutput(os.Stdout)
	case Stderr:
		l.logger.SetOutput(os.Stderr)
	default:
		l.path = o.File
		return l, l.Reopen()
	}
	return l, nil
}

// To makes a log that writes text to w, for tests and for programs without a file.
func To(w io.Writer) *Log {
	l := &Log{logger: logrus.New()}
	l.logger.SetFormatter(formatter(""))
	l.logger.SetOutput(w)
	return l
}

func formatter(format string) logrus.Formatter {
	const stamp = "2006-01-02T15:04:05.000Z07:00"
	if strings.EqualFold(format, FormatJSON) {
		return &logrus.JSONFormatter{TimestampFormat: time.RFC3339Nano}
	}
	return &logrus.TextFormatter{DisableColors: true, FullTimestamp: true, TimestampFormat: stamp}
}

// Entry returns the log as one component sees it.
func (l *Log) Entry(component string) *logrus.Entry {
	return l.logger.WithField(Component, component)
}

// Hear has the hook told of every line from now on.
func (l *Log) Hear(h logrus.Hook) { l.logger.AddHook(h) }

// Level returns the present level by name.
func (l *Log) Level() string { return l.logger.GetLevel().String() }

// SetLevel changes the level at once, for every entry that was handed out.
func (l *Log) SetLevel(name string) error {
	level, err := logrus.ParseLevel(name)
	if err != nil {
		return fmt.Errorf("log level %q is not one of trace, debug, info, warning, error, fatal, panic", name)
	}
	l.logger.SetLevel(level)
	return nil
}

// Reopen opens the log's file by its name again, after something has moved it away. If that fails, the log goes on
// in the file that it has. A log of a standard stream has nothing to reopen.
func (l *Log) Reopen() error {
	if l.path == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return fmt.Errorf("log file: %w", err)
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("log file: %w", err)
	}
	old := l.file
	l.logger.SetOutput(f) // waits for a line that is being written
	l.file = f
	if old != nil {
		return old.Close()
	}
	return nil
}

// Close ends the log; later lines go to standard error. Closing twice is harmless.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	l.logger.SetOutput(os.Stderr)
	f := l.file
	l.file = nil
	return errors.Join(f.Sync(), f.Close())
}
