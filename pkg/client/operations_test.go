package client

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gd2/pkg/api"
)

// later answers a change with 202 and its transaction with the states given, one after the other.
func later(t *testing.T, states ...api.Transaction) http.HandlerFunc {
	var n atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			if p := r.Header.Values("Prefer"); len(p) == 0 || p[0] != "respond-async" && !strings.HasPrefix(p[0], "wait=") {
				t.Errorf("Prefer: %v", p)
			}
			w.Header().Set("Location", "/v1/operations/t1")
			writeAnswer(t, w, http.StatusAccepted, api.TransactionRef{ID: "t1", State: "running"})
		case r.URL.Path == "/v1/operations/t1":
			i := min(int(n.Add(1)), len(states)) - 1
			writeAnswer(t, w, http.StatusOK, states[i])
		default:
			writeAnswer(t, w, http.StatusOK, api.VolumeInfo{Name: "gv0", State: api.VolumeStarted})
		}
	}
}

func start(t *testing.T, async bool, states ...api.Transaction) (api.VolumeInfo, error) {
	t.Helper()
	c := open(t, Config{Endpoints: []string{serve(t, later(t, states...))}, Async: async})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return c.VolumeStart(ctx, "gv0", api.VolumeStartReq{})
}

func TestAcceptedIsFollowed(t *testing.T) {
	v, err := start(t, false, api.Transaction{State: "running"}, api.Transaction{State: "done"})
	if err != nil || v.State != api.VolumeStarted {
		t.Errorf("%+v, %v", v, err)
	}
}

// A change that was carried out must not look like one that failed, although what it has made is gone already.
func TestAcceptedIsGone(t *testing.T) {
	follow := later(t, api.Transaction{State: "done"})
	c := open(t, Config{Endpoints: []string{serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && !strings.Contains(r.URL.Path, "operations") {
			writeAnswer(t, w, http.StatusNotFound, api.ErrorBody{})
			return
		}
		follow(w, r)
	})}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := c.VolumeStart(ctx, "gv0", api.VolumeStartReq{})
	if e := api.AsError(err); e == nil || e.Kind != api.State || !strings.Contains(e.Message, "was carried out") || e.Fields[api.FieldTransaction] != "t1" {
		t.Errorf("%+v", e)
	}
}

func TestAcceptedFails(t *testing.T) {
	_, err := start(t, false, api.Transaction{ID: "t1", State: "failed", Error: "brick is gone", ErrorKind: api.State})
	e := api.AsError(err)
	if e.Kind != api.State || e.Message != "brick is gone" || e.Fields[api.FieldTransaction] != "t1" {
		t.Errorf("%+v", e)
	}
}

func TestAcceptedIsStuck(t *testing.T) {
	_, err := start(t, false, api.Transaction{
		ID: "t1", State: "stuck", Error: "no undo", PeerErrors: map[string]string{"p2": "disk is full", "p1": "disk is slow"},
	})
	if want := "operation t1 is stuck: no undo: p1: disk is slow; p2: disk is full"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestAsync(t *testing.T) {
	_, err := start(t, true)
	if p, ok := IsPending(err); !ok || p.ID != "t1" || p.Waited {
		t.Errorf("%v", err)
	}
}

func TestWaitEnds(t *testing.T) {
	c := open(t, Config{Endpoints: []string{serve(t, later(t, api.Transaction{State: "running"}))}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Wait(ctx, "t1")
	var p *Pending
	if !errors.As(err, &p) || !p.Waited {
		t.Errorf("%v", err)
	}
}
