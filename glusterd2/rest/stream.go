package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"gd2/pkg/api"
)

// HeaderLastEvent is the header in which a reader of a stream says which event it saw last.
const HeaderLastEvent = "Last-Event-ID"

// Limits of streams. Nothing is kept for a reader but its place in the history, so a slow one costs nothing; one that
// takes nothing at all is cut off.
const (
	// DefaultStreams is how many streams of events are open at most.
	DefaultStreams = 64
	// DefaultHeartbeat is how often a stream says that it lives.
	DefaultHeartbeat = 15 * time.Second
	// streamStall is how long a reader may take nothing of what is sent.
	streamStall = 10 * time.Second
	// maxStream ends a stream: the reader comes again, with a token that is good then.
	maxStream = maxTokenLife
	// streamRetry is how long a reader waits before it comes again.
	streamRetry = 2 * time.Second
)

// eventStream answers with events for as long as the reader likes, in the form of server-sent events.
func (a *API) eventStream(w http.ResponseWriter, req *http.Request) {
	place, next, err := a.openStream(req)
	if err != nil {
		if err.Kind == api.TooMany {
			w.Header().Set("Retry-After", "5")
		}
		writeError(w, err)
		return
	}
	defer func() { <-a.streams }()
	ctx, cancel := context.WithTimeout(req.Context(), maxStream)
	defer cancel()
	defer context.AfterFunc(a.stopping, cancel)()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in between must not collect
	w.WriteHeader(http.StatusOK)
	if req.Method == http.MethodHead {
		return
	}
	s := &stream{w: w, control: http.NewResponseController(w)}
	s.send(appendPlace(fmt.Appendf(nil, "retry: %d\n", streamRetry.Milliseconds()), place))
	for s.err == nil && ctx.Err() == nil {
		a.streamNext(ctx, s, next)
	}
}

// openStream checks what is asked for and takes one of the places. Who gets no error gives the place back.
func (a *API) openStream(req *http.Request) (place string, next Next, failed *api.Error) {
	values, failed := query(req, &Route{Method: req.Method, Path: "/v1/events/stream", Query: eventFilter()})
	if failed != nil {
		return "", nil, failed
	}
	q := eventQuery(values.Get)
	if last := req.Header.Get(HeaderLastEvent); last != "" {
		q.Since = last // what the reader has seen since it first came
	}
	select {
	case a.streams <- struct{}{}:
	default:
		return "", nil, api.Errorf(api.TooMany, "%d streams of events are open at this peer, which is as many as may be: ask another peer", cap(a.streams))
	}
	place, next, err := a.cfg.Events.Tail(req.Context(), q)
	if err != nil {
		<-a.streams
		return "", nil, api.AsError(err)
	}
	return place, next, nil
}

// streamNext sends the next events, or a sign of life if there are none for a while.
func (a *API) streamNext(ctx context.Context, s *stream, next Next) {
	wait, cancel := context.WithTimeout(ctx, a.cfg.Heartbeat)
	defer cancel()
	page, err := next(wait)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		s.send(appendPlace([]byte(": alive\n"), page.Next))
	case err != nil:
		s.err = err
	default:
		var buf []byte
		for i := range page.Events {
			buf = appendEvent(buf, &page.Events[i])
		}
		s.send(buf)
	}
}

// appendPlace ends a block with the place that the reader is at: an id without data moves the reader's Last-Event-ID and
// is no event, so that one that has seen none knows all the same where to go on.
func appendPlace(buf []byte, place string) []byte {
	if place == "" {
		return append(buf, '\n')
	}
	return fmt.Appendf(buf, "id: %s\n\n", place)
}

// appendEvent writes an event as a server-sent event. JSON has no line breaks of its own.
func appendEvent(buf []byte, e *api.Event) []byte {
	data, err := json.Marshal(e)
	if err != nil {
		return buf // texts and numbers can always be written
	}
	return fmt.Appendf(buf, "id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Name, data)
}

// stream is one answer that does not end.
type stream struct {
	w       io.Writer
	control *http.ResponseController
	err     error
}

// send writes at once. A reader that takes nothing is cut off.
func (s *stream) send(p []byte) {
	_ = s.control.SetWriteDeadline(time.Now().Add(streamStall)) // a connection that cannot has its own end
	if _, s.err = s.w.Write(p); s.err != nil {
		return
	}
	if err := s.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.err = err
	}
}
