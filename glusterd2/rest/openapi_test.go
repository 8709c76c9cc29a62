package rest

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// loaded is the document of a full table, read by a library that knows nothing of this package.
func loaded(t *testing.T) *openapi3.T {
	t.Helper()
	r := newRig(t, func(c *Config) { c.Profiling = true })
	doc, err := openapi3.NewLoader().LoadFromData(r.api.document)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDocumentIsValid(t *testing.T) {
	doc := loaded(t)
	if doc.OpenAPI != "3.1.0" || doc.Info.Version != "1.2.3" {
		t.Errorf("openapi %s, version %s", doc.OpenAPI, doc.Info.Version)
	}
	op := doc.Paths.Value("/v1/volumes").Post
	if op.OperationID != "VolumeCreate" || op.Security == nil || len(*op.Security) != 1 || !op.RequestBody.Value.Required {
		t.Errorf("VolumeCreate: %+v", op)
	}
	if op := doc.Paths.Value("/ping").Get; op.Security == nil || len(*op.Security) != 0 {
		t.Errorf("Ping must not ask for a token: %+v", op.Security)
	}
	if start := doc.Paths.Value("/v1/volumes/{volname}/start").Post; start.RequestBody.Value.Required {
		t.Error("the body of VolumeStart can be left out")
	}
}

func TestDocumentOfRequests(t *testing.T) {
	s := loaded(t).Components.Schemas["VolumeCreateReq"].Value
	if !slices.Equal(s.Required, []string{"name"}) {
		t.Errorf("required: %v", s.Required)
	}
	if has := s.AdditionalProperties.Has; has == nil || *has {
		t.Error("unknown fields are refused, and the document must say so")
	}
	for _, name := range []string{"name", "subvols", "allow-advanced-options", "limit-peers", "snapshot-reserve-factor"} {
		if s.Properties[name] == nil {
			t.Errorf("no property %s", name)
		}
	}
	if !slices.Equal(s.Properties["subvols"].Value.Type.Slice(), []string{"array", "null"}) {
		t.Errorf("a list in a request may be null: %v", s.Properties["subvols"].Value.Type)
	}
}

func TestDocumentOfAnswers(t *testing.T) {
	schemas := loaded(t).Components.Schemas
	info := schemas["VolumeInfo"].Value
	if info.AdditionalProperties.Has != nil {
		t.Error("answers may get more fields in later versions")
	}
	if !slices.Contains(info.Required, "snap-list") || slices.Contains(schemas["Peer"].Value.Required, "pid") {
		t.Errorf("required: %v, %v", info.Required, schemas["Peer"].Value.Required)
	}
	if schemas["SubvolInfo"].Value.Properties["subvols"].Value.Items.Ref != "#/components/schemas/SubvolInfo" {
		t.Error("a type within itself is not a reference")
	}
	if len(schemas["BrickHealInfo"].Value.Properties["entries"].Value.AnyOf) != 2 {
		t.Error("a pointer is not nullable")
	}
}

func TestDocumentIsStable(t *testing.T) {
	a, b := newRig(t, nil).api.document, newRig(t, nil).api.document
	if !bytes.Equal(a, b) || !json.Valid(a) {
		t.Error("the document differs from run to run")
	}
}
