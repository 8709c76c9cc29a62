package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"gd2/pkg/api"
)

// someEvents are what happened in the pool.
func someEvents() []api.Event {
	return []api.Event{
		{ID: "00000000-0000-8007-8000-000000000000", Name: api.EventVolumeStarted, Timestamp: "2026-01-01T00:00:00Z", Revision: 7,
			Data: map[string]string{api.DataVolumeName: "gv0", api.DataVolumeID: "v1"}},
		{ID: "00000000-0000-8008-8000-000000000000", Name: api.EventBrickDown, Timestamp: "2026-01-01T00:00:01Z", Revision: 8,
			Data: map[string]string{api.DataVolumeName: "gv0", api.DataBrickPath: "/b", api.DataReason: "it ended"}},
	}
}

func (f *fake) events(*http.Request, []byte) (int, any, error) {
	return http.StatusOK, someEvents(), nil
}

// eventStream sends the events, breaks off, and refuses whoever has seen them all.
func (f *fake) eventStream(w http.ResponseWriter, r *http.Request) {
	list := someEvents()
	if r.URL.Query().Get("since") == list[1].ID {
		e := api.FieldErrorf("since", "there is no more")
		w.WriteHeader(e.Status())
		_ = json.NewEncoder(w).Encode(e.Body())
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, "retry: 1\n\n")
	for _, e := range list {
		text, _ := json.Marshal(e)
		_, _ = fmt.Fprintf(w, "id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Name, text)
	}
}

func (f *fake) webhookStatus(*http.Request, []byte) (int, any, error) {
	return http.StatusOK, []api.WebhookStatus{
		{URL: "https://a/x", Events: []string{"volume.*", "peer.*"}, Signed: true, Pending: 3, Failures: 2, LastError: "the receiver answered 503"},
		{URL: "https://b/", Token: true},
	}, nil
}

// webhook takes every webhook but one without a host, and refuses one that it has.
func (f *fake) webhook(r *http.Request, body []byte) (int, any, error) {
	var w api.Webhook
	if err := json.Unmarshal(body, &w); err != nil {
		return 0, nil, err
	}
	switch {
	case r.Method == http.MethodDelete && w.URL == "http://none":
		return 0, nil, api.Errorf(api.NotFound, "there is no webhook with the URL")
	case w.Secret == "wrong":
		return 0, nil, api.Errorf(api.Unavailable, "the receiver answered 401")
	case r.Method == http.MethodDelete:
		return http.StatusNoContent, nil, nil
	}
	return http.StatusOK, nil, nil
}
