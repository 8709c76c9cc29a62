package rest

import (
	"io"
	"log"
	"net/http"
	"net/http/pprof"

	"github.com/sirupsen/logrus"
)

// debugRoutes are Go's profiles; none unless the config switches them on.
func (a *API) debugRoutes() []Route {
	if !a.cfg.Profiling {
		return nil
	}
	row := func(path, name, what string, h http.HandlerFunc) Route {
		return serveRaw(Route{Method: http.MethodGet, Path: "/debug/pprof/" + path, Name: name, Access: Read, Description: what},
			"*/*", h)
	}
	return []Route{
		row("", "ProfileIndex", "Lists Go's profiles.", pprof.Index),
		row("cmdline", "ProfileCmdline", "Shows the command line of the daemon.", pprof.Cmdline),
		row("profile", "ProfileCPU", "Takes a CPU profile of some seconds.", pprof.Profile),
		row("symbol", "ProfileSymbol", "Looks up program counters.", pprof.Symbol),
		row("trace", "ProfileTrace", "Takes an execution trace of some seconds.", pprof.Trace),
		row("{profile}", "ProfileNamed", "Shows one of Go's profiles, such as heap or goroutine.", pprof.Index),
	}
}

// logTo makes a logger for net/http that writes into the daemon's log at debug level: what it has to say is about
// clients that broke off, not about the daemon.
func logTo(l *logrus.Entry) *log.Logger { return log.New(logWriter{l}, "", 0) }

type logWriter struct{ log *logrus.Entry }

var _ io.Writer = logWriter{}

// Write writes one line.
func (w logWriter) Write(p []byte) (int, error) {
	w.log.WithField("part", "http").Debug(string(p))
	return len(p), nil
}
