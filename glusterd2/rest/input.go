package rest

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gd2/pkg/api"
)

// decode fills in what the client sent: query and body.
func (a *API) decode(w *recorder, req *http.Request, row *Route, r *Request) *api.Error {
	var err *api.Error
	if r.Query, err = query(req, row); err != nil {
		return err
	}
	body, err := a.body(w, req)
	if err != nil {
		return err
	}
	r.raw = body
	if row.request == nil {
		if s := strings.TrimSpace(string(body)); s != "" && s != "null" && s != "{}" {
			return api.Errorf(api.Invalid, "%s %s takes no request body", row.Method, row.Path)
		}
		return nil
	}
	r.body, err = decode(body, row.request, row.Requires)
	return err
}

// body reads the body of a request, within the limits of size and time.
func (a *API) body(w *recorder, req *http.Request) ([]byte, *api.Error) {
	rc := http.NewResponseController(w.ResponseWriter)
	_ = rc.SetReadDeadline(time.Now().Add(bodyTimeout)) // not every ResponseWriter can; tests' cannot
	defer func() { _ = rc.SetReadDeadline(time.Time{}) }()
	body, err := io.ReadAll(http.MaxBytesReader(w.ResponseWriter, req.Body, a.cfg.MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, api.Errorf(api.TooLarge, "the request body is larger than %d bytes", a.cfg.MaxBody)
	case err != nil:
		return nil, api.Errorf(api.Invalid, "the request body could not be read: %v", err)
	}
	return body, nil
}

// query checks the query of a request against the parameters of the row.
func query(req *http.Request, row *Route) (url.Values, *api.Error) {
	params := row.queryOf()
	for name, values := range req.URL.Query() {
		i := slices.IndexFunc(params, func(p Param) bool { return p.Name == name })
		if i < 0 {
			var names []string
			for _, p := range params {
				names = append(names, p.Name)
			}
			return nil, api.FieldErrorf(clip(name), "%s %s has no query parameter %q%s", row.Method, row.Path, clip(name), didYouMean(name, names))
		}
		p := params[i]
		allowed := p.Values
		if p.Bare {
			allowed = []string{"", "true", "false"}
		}
		if len(values) > 1 {
			return nil, api.FieldErrorf(name, "the query parameter %q is given %d times", name, len(values))
		}
		if len(allowed) > 0 && !slices.Contains(allowed, values[0]) {
			return nil, api.FieldErrorf(name, "the query parameter %q must be one of %q, not %q", name, allowed, clip(values[0]))
		}
	}
	return req.URL.Query(), nil
}
