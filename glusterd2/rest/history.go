package rest

import (
	"net/http"

	"gd2/pkg/api"
)

// HeaderCommand carries the words in which somebody asked for a change, such as "volume start gv0", for the history of commands.
const HeaderCommand = "X-Gluster-Command"

// remember has a change noted in the history of commands: what was asked for, and what became of it. Questions are not noted, nor
// is what comes from those who may not ask.
func (a *API) remember(w *recorder, req *http.Request, row *Route, failed *api.Error) {
	dry := req.URL.Query().Has(dryRun)
	if a.cfg.History == nil || !row.changes() || row.Access == Open || dry || api.IsKind(asError(failed), api.Denied, api.TooMany) {
		return
	}
	command := req.Header.Get(HeaderCommand)
	if command == "" {
		command = req.Method + " " + req.URL.Path
	}
	id := w.Header().Get(HeaderOperation)
	if w.code() == http.StatusAccepted && id != "" {
		go func() { a.cfg.History(command, a.outcome(id)) }()
		return
	}
	a.cfg.History(command, asError(failed))
}

// outcome waits until an operation has ended, or the server stops, and returns why it failed.
func (a *API) outcome(id string) error {
	if err := a.cfg.Operations.Wait(a.stopping, id); err != nil {
		return err
	}
	op, err := a.cfg.Operations.Get(a.stopping, id)
	if err != nil {
		return err
	}
	if op.State != api.OperationDone {
		return api.Errorf(api.Internal, "operation %s is %s: %s", id, op.State, op.Error)
	}
	return nil
}

// asError is the error as an interface, which is nil if there is none.
func asError(err *api.Error) error {
	if err == nil {
		return nil
	}
	return err
}
