package rest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"gd2/pkg/api"
)

// document makes the OpenAPI 3.1 document of the table.
func document(routes []Route, version string) ([]byte, error) {
	s := newSchemas()
	for i := range routes {
		if routes[i].request != nil {
			s.input(routes[i].request)
		}
	}
	paths := object{}
	for i := range routes {
		row := &routes[i]
		item, ok := paths[row.Path].(object)
		if !ok {
			item = object{}
			paths[row.Path] = item
		}
		item[strings.ToLower(row.Method)] = operation(row, s)
	}
	failure := response("The request failed.", jsonContent(s.of(reflect.TypeFor[api.ErrorBody](), false)))
	doc := object{
		"openapi": "3.1.0",
		"info":    object{"title": "glusterd2", "version": version, "description": "The REST interface of the GlusterFS management daemon."},
		"servers": []object{{"url": "/"}},
		"paths":   paths,
		"components": object{
			"schemas":   s.made,
			"responses": object{"Error": failure},
			"headers":   headers(),
			"securitySchemes": object{"token": object{
				"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
				"description": "HS256 with the pool's secret; claims iss (" + Issuer + "), exp (at most an hour away) and qsh, " +
					"the hex SHA-256 of METHOD&path. Root on the daemon's unix socket needs none.",
			}},
		},
	}
	if s.err != nil {
		return nil, s.err
	}
	return json.MarshalIndent(doc, "", " ")
}

// headers are those that every answer has.
func headers() object {
	h := object{}
	for name, what := range map[string]string{
		HeaderRequestID: "Names the request; the daemon's log has it too.",
		HeaderPeerID:    "The peer that answered.",
		HeaderClusterID: "The pool that the peer is in.",
	} {
		h[name] = object{"description": what, "required": true, "schema": object{"type": "string"}}
	}
	h["Location"] = object{"description": "Where what was made can be looked at.", "required": true, "schema": object{"type": "string"}}
	h[headerETag] = object{"description": "Names this state of what is answered, for If-Match and If-None-Match.", "schema": object{"type": "string"}}
	return h
}

func response(description string, content object, more ...string) object {
	h := object{}
	for _, name := range append([]string{HeaderRequestID, HeaderPeerID, HeaderClusterID}, more...) {
		h[name] = object{"$ref": "#/components/headers/" + name}
	}
	out := object{"description": description, "headers": h}
	if content != nil {
		out["content"] = content
	}
	return out
}

func jsonContent(schema object) object { return object{"application/json": object{"schema": schema}} }

// operation describes one row.
func operation(row *Route, s *schemas) object {
	op := object{
		"operationId": row.Name, "summary": row.Description, "tags": []string{tag(row.Path)},
		"parameters": parameters(row), "responses": responses(row, s), "x-access": row.Access.String(),
	}
	if row.Access == Read || row.Access == Admin {
		op["security"] = []object{{"token": []string{}}}
	} else {
		op["security"] = []object{}
	}
	if row.request != nil {
		op["requestBody"] = object{"required": len(row.Requires) > 0, "content": jsonContent(s.of(row.request, true))}
		s.require(row.request, row.Requires)
	}
	return op
}

func responses(row *Route, s *schemas) object {
	var content object
	switch {
	case row.MediaType == "application/json":
		content = jsonContent(object{"type": "object"})
	case row.MediaType == "*/*", row.MediaType == "text/event-stream": // of no one form, or of none that ends
		content = object{row.MediaType: object{}}
	case row.raw != nil:
		content = object{row.MediaType: object{"schema": object{"type": "string"}}}
	case row.response != nil:
		content = jsonContent(s.of(row.response, false))
	}
	var more []string
	if row.Status == http.StatusCreated {
		more = []string{"Location"}
	}
	out := object{
		strconv.Itoa(row.Status): response(http.StatusText(row.Status), content, more...),
		"default":                object{"$ref": "#/components/responses/Error"},
	}
	planAnswer(row, s, out)
	conditionalAnswers(row, out)
	for _, code := range row.Faults {
		out[strconv.Itoa(code)] = response(http.StatusText(code), content)
	}
	if row.Access == Admin && row.raw == nil {
		out["202"] = response("The change takes longer than the client waits, and goes on.",
			jsonContent(s.of(reflect.TypeFor[api.TransactionRef](), false)), "Location")
	}
	return out
}

// parameters lists those of path, query and header.
func parameters(row *Route) []object {
	out := []object{}
	for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(row.Path, -1) {
		out = append(out, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string", "minLength": 1}})
	}
	for _, p := range row.queryOf() {
		schema := object{"type": "string"}
		if len(p.Values) > 0 {
			schema["enum"] = p.Values
		}
		q := object{"name": p.Name, "in": "query", "description": p.Description, "schema": schema}
		if p.Bare {
			schema["enum"] = []string{"", "true", "false"}
			q["allowEmptyValue"] = true
		}
		out = append(out, q)
	}
	out = append(out, conditionalHeaders(row)...)
	if row.raw == nil && row.changes() {
		out = append(out, object{
			"name": "Prefer", "in": "header", "schema": object{"type": "string"},
			"description": "wait=SECONDS: how long the client waits before it wants 202 and the URL of the transaction",
		})
	}
	return out
}

// tag groups the operations by what they are about.
func tag(path string) string {
	rest, ok := strings.CutPrefix(path, "/v1/")
	if !ok {
		return "daemon"
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}
