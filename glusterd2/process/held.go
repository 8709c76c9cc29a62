package process

import (
	"sync"
	"time"
)

// Held is the process of a daemon of which this host has one at a time. The zero value holds none; the methods may be
// called from several goroutines.
type Held struct {
	mu    sync.Mutex
	proc  *Process
	since time.Time
}

// Hold holds a process that was started or adopted now. What was held before must have been dropped.
func (h *Held) Hold(p *Process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.proc, h.since = p, time.Now()
}

// Process returns what is held, alive or not; nil for nothing.
func (h *Held) Process() *Process {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.proc
}

// Living returns what is held if it is alive, and nil otherwise.
func (h *Held) Living() *Process {
	if p := h.Process(); p != nil && p.Alive() {
		return p
	}
	return nil
}

// Ended returns the channel that is closed when the process ends, and since when it is held; nil, which never is closed,
// if none is.
func (h *Held) Ended() (<-chan struct{}, time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.proc == nil {
		return nil, time.Time{}
	}
	return h.proc.Done(), h.since
}

// Drop ends the watch over the process, which goes on.
func (h *Held) Drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.proc != nil {
		_ = h.proc.Close() // a watch, nothing more
		h.proc = nil
	}
}
