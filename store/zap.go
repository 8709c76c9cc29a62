package store

import (
	"strings"
	"sync/atomic"

	"github.com/sirupsen/logrus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapLogger returns a logger for etcd that writes to a logrus entry; its warnings get the given level. The client's
// warnings tell of tries that we repeat, and are not worth a warning of ours.
//
// Once ending is true everything becomes "debug": etcd reports each listener that it closes as an error.
func zapLogger(log *logrus.Entry, warn logrus.Level, ending *atomic.Bool) *zap.Logger {
	// A fatal error inside etcd must not end the process behind our back: it becomes a panic with its stack.
	return zap.New(&zapCore{log: log, warn: warn, ending: ending, refused: new(quiet)}, zap.WithFatalHook(zapcore.WriteThenPanic))
}

// zapCore is a zapcore.Core over a logrus entry.
type zapCore struct {
	log    *logrus.Entry
	warn   logrus.Level
	ending *atomic.Bool
	// refused thins out what etcd says of connections that it refuses.
	refused *quiet
}

var _ zapcore.Core = (*zapCore)(nil)

// level maps etcd's levels. Its "info" tells of its own inner life, some fifty lines for a start, and is "debug" to us.
func (c *zapCore) level(l zapcore.Level) logrus.Level {
	switch {
	case l <= zapcore.DebugLevel:
		return logrus.TraceLevel
	case l == zapcore.InfoLevel, c.ending.Load():
		return logrus.DebugLevel
	case l == zapcore.WarnLevel:
		return c.warn
	}
	return logrus.ErrorLevel
}

// Enabled reports whether the entry's logger takes the level now; it can change while etcd runs.
func (c *zapCore) Enabled(l zapcore.Level) bool { return c.log.Logger.IsLevelEnabled(c.level(l)) }

// With returns a core that adds the fields to each line.
func (c *zapCore) With(fields []zapcore.Field) zapcore.Core {
	return &zapCore{warn: c.warn, ending: c.ending, refused: c.refused, log: c.log.WithFields(plain(fields))}
}

// Check adds the core to a line that it will write.
func (c *zapCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// expected are messages that tell of nothing that is wrong.
func expected(msg string) bool {
	switch msg {
	case "simple token is not cryptographically signed", // etcd's own users, of whom there are none
		"setting up serving from embedded etcd failed.", // comes out of its channel of errors, too
		"bootstrap failed", "creating peer listener failed", // the start returns it
		"rejecting promote learner: learner is not ready",                     // Promote tells its caller
		"Failed to detect schema version", "failed to update storage version": // a learner that has read nothing yet
		return true
	}
	return strings.Contains(msg, " cannot campaign at term ") // a lone voter tries from its first moment, see campaign.go
}

// Write writes one line.
func (c *zapCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if expected(e.Message) || e.Message == secretive {
		return nil
	}
	if repeated(e.Message) && !c.tell(e, fields) {
		return nil
	}
	c.log.WithFields(plain(fields)).WithTime(e.Time).Log(c.level(e.Level), e.Message)
	return nil
}

// secretive is the message with which etcd, at its debug level, logs whole requests: the pool's secrets among them.
const secretive = "Apply"

// repeated are messages that come again with every try of somebody who is not wanted: of a peer without a certificate, or
// of a member of a store that was since recovered.
func repeated(msg string) bool {
	return strings.HasPrefix(msg, "rejected connection") || strings.HasSuffix(msg, "cluster ID mismatch")
}

// tell reports whether the log should hear such a message again, of this address or at all.
func (c *zapCore) tell(e zapcore.Entry, fields []zapcore.Field) bool {
	from := e.Message
	for _, f := range fields {
		if f.Key == "remote-addr" {
			from = hostOf(f.String)
		}
	}
	_, ok := c.refused.tell(from, e.Time)
	return ok
}

// Sync does nothing: logrus does not buffer.
func (c *zapCore) Sync() error { return nil }

func plain(fields []zapcore.Field) logrus.Fields {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(enc)
	}
	return enc.Fields
}
