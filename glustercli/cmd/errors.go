package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// usageError is a command line that makes no sense.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

func usagef(format string, args ...any) error {
	return &usageError{api.Errorf(api.Invalid, format, args...)}
}

func asUsage(err error) error {
	if isUsage(err) {
		return err
	}
	return &usageError{err}
}

func isUsage(err error) bool {
	var u *usageError
	return errors.As(err, &u)
}

// failure is an error of an operation that was understood; op is what gluster prints in front, such as "volume start: gv0".
type failure struct {
	op  string
	err error
}

func (f *failure) Error() string { return f.op + ": failed: " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// partial is a command that did a part of what it was asked; causes are the failures.
type partial struct{ causes []*api.Error }

func (p *partial) Error() string {
	e := api.Error{Message: "not all of it could be done", Causes: p.causes}
	return e.Error()
}

func isPartial(err error) bool {
	var p *partial
	return errors.As(err, &p)
}

// unhealthy is a status that was shown and is bad: the exit code says so, and nothing more is printed.
type unhealthy struct{}

func (unhealthy) Error() string { return "the pool is not healthy" }

// report writes an error to standard error, as text or in the server's JSON form, and returns the exit code.
func (a *app) report(cmd *cobra.Command, err error) int {
	code := exitCode(err)
	var quiet unhealthy
	if errors.As(err, &quiet) {
		return code
	}
	if a.format() == formatJSON {
		enc := json.NewEncoder(a.Err)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(bodyOf(err)) // when standard error is closed there is nobody to tell
		return code
	}
	a.reportText(cmd, err)
	return code
}

func (a *app) reportText(cmd *cobra.Command, err error) {
	if isUsage(err) {
		say(a.Err, "%s: %v\n", cmd.CommandPath(), unwrapUsage(err))
		say(a.Err, "Run '%s --help' for usage.\n", cmd.CommandPath())
		return
	}
	prefix := ""
	var f *failure
	if errors.As(err, &f) {
		prefix = f.op + ": failed: "
	}
	if p, ok := client.IsPending(err); ok {
		why := "timed out"
		if cmd.Context().Err() != nil {
			why = "interrupted"
		}
		(&progress{a: a, shown: "?"}).clear()
		say(a.Err, "%s%s; the pool goes on with it\n", prefix, why)
		say(a.Err, "Follow it with: glustercli operation wait %s\n", p.ID)
		return
	}
	var p *partial
	if errors.As(err, &p) {
		say(a.Err, "%snot all of it could be done\n", prefix)
		listCauses(a.Err, p.causes)
		return
	}
	e := api.AsError(err)
	say(a.Err, "%s%s\n", prefix, e.Message)
	listCauses(a.Err, e.Causes)
	for _, h := range a.hints(e) {
		say(a.Err, "%s\n", h)
	}
}

func listCauses(w io.Writer, causes []*api.Error) {
	for _, c := range causes {
		say(w, "  %s\n", c.Error())
	}
}

// hints says what to do next about an error.
func (a *app) hints(e *api.Error) []string {
	var out []string
	switch {
	case e.Message == client.Unreachable && strings.Contains(e.Error(), "x509: "):
		out = append(out, "Name the authority that signed the servers' certificates with --cacert; a peer keeps it in "+localCA+".")
	case e.Message == client.Unreachable:
		out = append(out, "Is glusterd2 running there? Name other peers with --endpoints or "+envEndpoints+".")
	case e.Kind == api.Denied:
		out = append(out, "Run as root on a peer, or give the pool's secret with --secret-file or "+envSecret+".")
	}
	if id := e.Fields[client.FieldRequest]; id != "" && (e.Kind == api.Internal || a.debug) {
		out = append(out, "Request "+id+"; the daemon's log has more.")
	}
	return out
}

// bodyOf returns an error in the form that the REST interface uses.
func bodyOf(err error) api.ErrorBody {
	if isUsage(err) {
		return api.Errorf(api.Invalid, "%v", unwrapUsage(err)).Body()
	}
	if p, ok := client.IsPending(err); ok {
		return api.Errorf(api.Timeout, "%v", p).With(api.FieldTransaction, p.ID).Body()
	}
	var p *partial
	if errors.As(err, &p) {
		e := api.Error{Kind: api.Internal, Message: "not all of it could be done", Causes: p.causes}
		return e.Body()
	}
	return api.AsError(err).Body()
}

func unwrapUsage(err error) string {
	var u *usageError
	errors.As(err, &u)
	return strings.TrimSpace(u.err.Error())
}

// say writes to the terminal; when it is gone there is nobody to tell.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...)
}
