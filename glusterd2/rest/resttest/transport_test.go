package resttest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const document = `{
 "openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "servers": [{"url": "/"}],
 "paths": {"/things/{id}": {"post": {
  "operationId": "MakeThing",
  "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
  "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
  "responses": {
   "200": {"description": "ok", "headers": {"X-Id": {"required": true, "schema": {"type": "string"}}},
    "content": {"application/json": {"schema": {"type": "object", "required": ["tags"], "properties": {"tags": {"type": "array", "items": {"type": "string"}}}}}}},
   "404": {"description": "no"}
  }}}},
 "components": {"schemas": {"Thing": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}, "additionalProperties": false}}}
}`

// complaints is a TB that counts.
type complaints struct{ list []string }

func (*complaints) Helper() {}
func (c *complaints) Errorf(format string, args ...any) {
	c.list = append(c.list, fmt.Sprintf(format, args...))
}

func TestTransport(t *testing.T) {
	for _, c := range []struct {
		name, path, sent string
		status           int
		id, got          string
		complains        string
	}{
		{"good", "/things/1", `{"name":"a"}`, 200, "x", `{"tags":["a"]}`, ""},
		{"wrong type in the answer", "/things/1", `{"name":"a"}`, 200, "x", `{"tags":null}`, "tags"},
		{"field missing in the answer", "/things/1", `{"name":"a"}`, 200, "x", `{}`, "tags"},
		{"unknown field in the answer", "/things/1", `{"name":"a"}`, 200, "x", `{"tags":[],"more":1}`, "more"},
		{"header missing", "/things/1", `{"name":"a"}`, 200, "", `{"tags":[]}`, "X-Id"},
		{"status not in the document", "/things/1", `{"name":"a"}`, 201, "x", `{"tags":[]}`, "status"},
		{"wrong request refused", "/things/1", `{"nam":"a"}`, 404, "x", "", ""},
		{"wrong request not refused", "/things/1", `{"nam":"a"}`, 200, "x", `{"tags":[]}`, "not refused"},
		{"unknown path", "/other", `{}`, 404, "", `{"errors":[{"code":1,"message":"no"}]}`, ""},
		{"unknown path answered", "/other", `{}`, 200, "", `{}`, "404 or 405"},
		{"unknown path, no error body", "/other", `{}`, 404, "", `not found`, "error body"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if c.id != "" {
					w.Header().Set("X-Id", c.id)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.got)
			}))
			defer srv.Close()
			var tb complaints
			tr, err := New(t.Context(), &tb, http.DefaultTransport, []byte(document))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := (&http.Client{Transport: tr}).Post(srv.URL+c.path, "application/json", strings.NewReader(c.sent))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || string(body) != c.got {
				t.Errorf("the answer did not come through: %q, %v", body, err)
			}
			text := strings.Join(tb.list, "\n")
			if (text == "") != (c.complains == "") || !strings.Contains(text, c.complains) {
				t.Errorf("complaint %q, want one about %q", text, c.complains)
			}
			if tr.Seen()["MakeThing"] != (c.status == 200 && c.complains == "" && c.path != "/other") {
				t.Errorf("seen: %v", tr.Seen())
			}
		})
	}
}

func TestBadDocument(t *testing.T) {
	for _, doc := range []string{"", "{}", `{"openapi":"3.1.0"}`} {
		if _, err := New(t.Context(), t, http.DefaultTransport, []byte(doc)); err == nil {
			t.Errorf("accepted %q", doc)
		}
	}
}
