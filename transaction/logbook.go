package transaction

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
)

// Bounds of a logbook.
const (
	maxLogged  = 256  // transactions
	maxLines   = 200  // of one transaction
	maxLogText = 1024 // bytes of a line
)

// Logbook remembers the last lines that this peer has logged about each of the last transactions. It is a hook of the
// daemon's log: a line belongs to a transaction by its field "transaction". It lives in memory; the log has more.
type Logbook struct {
	mu    sync.Mutex
	pages map[string][]api.OperationLogLine
	order []string // the oldest first
}

var _ logrus.Hook = (*Logbook)(nil)

// NewLogbook returns an empty logbook.
func NewLogbook() *Logbook { return &Logbook{pages: map[string][]api.OperationLogLine{}} }

// Levels implements logrus.Hook.
func (l *Logbook) Levels() []logrus.Level { return logrus.AllLevels }

// Fire implements logrus.Hook.
func (l *Logbook) Fire(entry *logrus.Entry) error {
	id, ok := entry.Data["transaction"].(string)
	if !ok {
		return nil
	}
	line := api.OperationLogLine{At: entry.Time.UTC().Format(time.RFC3339Nano), Level: entry.Level.String(), Message: lineText(entry)}
	line.Step, _ = entry.Data["step"].(string)
	l.mu.Lock()
	defer l.mu.Unlock()
	page, known := l.pages[id]
	if !known {
		if len(l.order) == maxLogged {
			delete(l.pages, l.order[0])
			l.order = slices.Delete(l.order, 0, 1)
		}
		l.order = append(l.order, id)
	}
	if len(page) == maxLines {
		page = slices.Delete(page, 0, 1)
	}
	l.pages[id] = append(page, line)
	return nil
}

// lineText is the message of a line with the fields that say more.
func lineText(entry *logrus.Entry) string {
	var b strings.Builder
	b.WriteString(entry.Message)
	for _, name := range []string{"undo", "took", "state", "peers", "owner", "user", "from", "error"} {
		if v, ok := entry.Data[name]; ok && v != nil && v != false {
			fmt.Fprintf(&b, " %s=%v", name, v)
		}
	}
	return strings.ToValidUTF8(b.String()[:min(b.Len(), maxLogText)], "")
}

// Lines returns what is remembered of a transaction, the oldest first.
func (l *Logbook) Lines(id string) []api.OperationLogLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.pages[id])
}

// Lines returns what this peer remembers of the log of a transaction.
func (e *Engine) Lines(id string) []api.OperationLogLine {
	if e.cfg.Logbook == nil {
		return nil
	}
	lines := e.cfg.Logbook.Lines(id)
	for i := range lines {
		lines[i].PeerID = e.cfg.PeerID
	}
	return lines
}

// logPatience bounds how long the answer waits for the lines of other peers.
const logPatience = 5 * time.Second

// Logs returns what the peers of a transaction remember of its log, by time.
func (e *Engine) Logs(ctx context.Context, id string) (api.OperationLogs, error) {
	var out api.OperationLogs
	if err := e.cfg.Store.Sync(ctx); err != nil {
		return out, err
	}
	r, err := e.record(id)
	if err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, logPatience)
	defer cancel()
	answers := ask(e, participants(r.Value), func(peer string) ([]api.OperationLogLine, error) {
		if peer == e.cfg.PeerID {
			return e.Lines(id), nil
		}
		return e.cfg.Transport.Lines(ctx, peer, id)
	})
	for peer, a := range answers {
		if a.err != nil {
			if out.Missing == nil {
				out.Missing = map[string]string{}
			}
			out.Missing[peer] = a.err.Error()
		}
		out.Lines = append(out.Lines, a.value...)
	}
	slices.SortStableFunc(out.Lines, func(a, b api.OperationLogLine) int { return strings.Compare(a.At, b.At) })
	return out, nil
}
