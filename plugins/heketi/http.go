package heketi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/gorilla/mux"
	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
)

// maxBody is the largest body of a request, in bytes.
const maxBody = 1 << 20

// fault is an answer that says what is wrong. Heketi chose the status of each by hand, so that the kind of an error is not enough.
type fault struct {
	status int
	text   string
}

// Error implements error.
func (f *fault) Error() string { return f.text }

func faultf(status int, format string, args ...any) *fault {
	return &fault{status, fmt.Sprintf(format, args...)}
}

// errNoID is the answer to an id that nothing has. Clients compare the text.
func errNoID() error { return faultf(http.StatusNotFound, "Id not found") }

// invalid is the answer to a field that is not as it should be.
func invalid(field, format string, args ...any) error {
	return faultf(http.StatusBadRequest, "validation failed: %s: %s", field, fmt.Sprintf(format, args...))
}

// asFault is any error as clients get it.
func asFault(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	e := api.AsError(err)
	switch e.Kind {
	case api.NotSupported:
		return &fault{http.StatusInternalServerError, e.Error()} // clients take any other for one of theirs
	case api.Timeout:
		return &fault{http.StatusInternalServerError, e.Error()}
	case api.TooMany:
		return &fault{http.StatusServiceUnavailable, e.Error()}
	}
	return &fault{e.Status(), e.Error()}
}

// writeFault writes an error as Heketi does: a line of text.
func writeFault(w http.ResponseWriter, f *fault) {
	http.Error(w, oneLine(f.text), f.status)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// request is what a handler gets.
type request struct {
	*http.Request
	vars  map[string]string
	actor api.Actor
}

// decode reads the body, which must be JSON.
func (r *request) decode(into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return faultf(http.StatusRequestEntityTooLarge, "request body is larger than %d bytes", maxBody)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return faultf(http.StatusUnprocessableEntity, "request unable to be parsed")
	}
	return nil
}

// decodeAny reads a body that may be missing.
func (r *request) decodeAny(into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return faultf(http.StatusRequestEntityTooLarge, "request body is larger than %d bytes", maxBody)
	}
	if len(body) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return faultf(http.StatusUnprocessableEntity, "request unable to be parsed")
	}
	return nil
}

// id is the id in the path.
func (r *request) id() string { return strings.ToLower(r.vars["id"]) }

// reply is an answer. A body that is a string is text; other bodies are JSON.
type reply struct {
	status   int
	location string
	pending  bool
	body     any
	// media is the type of a body that is bytes.
	media string
}

func ok(body any) (reply, error) { return reply{status: http.StatusOK, body: body}, nil }

func (a reply) write(w http.ResponseWriter, r *http.Request) {
	if a.pending {
		w.Header().Set("X-Pending", "true")
	}
	if a.status == http.StatusSeeOther {
		http.Redirect(w, r, a.location, a.status)
		return
	}
	if a.location != "" {
		w.Header().Set("Location", a.location)
	}
	switch body := a.body.(type) {
	case nil:
		w.WriteHeader(a.status)
	case string:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, body) // a client that went away is nobody's concern
	case []byte:
		w.Header().Set("Content-Type", a.media)
		w.WriteHeader(a.status)
		_, _ = w.Write(body)
	default:
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		w.WriteHeader(a.status)
		_ = json.NewEncoder(w).Encode(body)
	}
}

// wrap makes the HTTP handler of a row of the table.
func (s *service) wrap(row route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		log := s.Log.WithFields(logrus.Fields{"method": req.Method, "path": req.URL.Path, "from": req.RemoteAddr})
		answer, err := s.answer(row, req, log)
		if err != nil {
			f := asFault(err)
			log.WithField("status", f.status).Info(f.text)
			writeFault(w, f)
			return
		}
		log.WithField("status", answer.status).Debug("answered")
		answer.write(w, req)
	})
}

func (s *service) answer(row route, req *http.Request, log *logrus.Entry) (a reply, err error) {
	defer func() {
		if p := recover(); p != nil {
			log.WithField("stack", string(debug.Stack())).Errorf("a handler panicked: %v", p)
			err = api.Errorf(api.Internal, "a fault in the daemon: its log has more")
		}
	}()
	r := &request{Request: req, vars: mux.Vars(req), actor: api.Actor{User: "heketi", From: req.RemoteAddr}}
	if row.access != open {
		user, err := s.authenticate(req, row.access)
		if err != nil {
			return reply{}, err
		}
		r.actor.User = "heketi " + user
	}
	if refusal := s.Peers.NotInPool(); refusal != nil && row.access != open {
		return reply{}, refusal
	}
	if err := s.allowed(row, req); err != nil {
		return reply{}, err
	}
	return row.handle(req.Context(), r)
}

// isLocal tells whether an address is of this host.
func isLocal(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}
