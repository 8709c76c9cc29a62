package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"gd2/pkg/api"
	"gd2/transaction"
)

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		writeError(w, api.Errorf(api.Internal, "the answer cannot be written as JSON: %v", err))
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that went away is nobody's concern
}

// writeAnswer writes what a request is answered with.
func writeAnswer(w http.ResponseWriter, a transaction.Answer) {
	if a.Location != "" {
		w.Header().Set("Location", a.Location)
	}
	if len(a.Body) == 0 {
		w.WriteHeader(a.Status)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // a client that went away is nobody's concern
}

func writeError(w http.ResponseWriter, e *api.Error) { writeJSON(w, e.Status(), e.Body()) }

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader writes the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// typeName returns the name of a body's type as GET /endpoints shows it.
func typeName(t reflect.Type) string {
	if t == nil {
		return ""
	}
	return fmt.Sprint(t)
}
