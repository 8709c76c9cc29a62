package rest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"gd2/pkg/api"
)

func TestHostileBodies(t *testing.T) {
	deep := strings.Repeat(`{"name":"a","subvols":[{"subvols":[`, 1) + strings.Repeat(`{"subvols":[`, 5000)
	for _, c := range []struct {
		name, body, field, want string
	}{
		{"empty", "", "name", `needs the field "name"`},
		{"null", "null", "name", `needs the field "name"`},
		{"not JSON", "name=gv0", "", "not JSON"},
		{"cut off", `{"name":"gv0"`, "", "cut off"},
		{"cut off in a string", `{"name":"gv`, "", "cut off"},
		{"text after it", `{"name":"gv0"} {"name":"gv1"}`, "", "more text"},
		{"a brace after it", `{"name":"gv0"}}`, "", "more text"},
		{"list", `["gv0"]`, "", "must be an object, not a list"},
		{"string", `"gv0"`, "", "must be an object"},
		{"not UTF-8", "{\"name\":\"\xff\"}", "", "UTF-8"},
		{"misspelt", `{"name":"gv0","subvol":[]}`, "subvol", `did you mean "subvols"`},
		{"underscore", `{"name":"gv0","allow_advanced_options":true}`, "allow_advanced_options", `did you mean "allow-advanced-options"`},
		{"other case", `{"Name":"gv0"}`, "Name", `did you mean "name"`},
		{"misspelt deep down", `{"name":"gv0","subvols":[{},{"bricks":[{"peerid":"a","pth":"/b"}]}]}`, "subvols[1].bricks[0].pth", `"subvols[1].bricks[0]" has no field "pth"; did you mean "path"`},
		{"unlike any", `{"name":"gv0","subvols":[{"bricks":[{"colour":"red"}]}]}`, "subvols[0].bricks[0].colour", "known are type, peerid, path"},
		{"twice", `{"name":"gv0","name":"gv1"}`, "name", "given twice"},
		{"twice in a map", `{"name":"gv0","options":{"a":"1","a":"2"}}`, "options.a", "given twice"},
		{"number for string", `{"name":5}`, "name", `"name" must be a string, not the number 5`},
		{"null for string", `{"name":null}`, "name", "not null"},
		{"string for bool", `{"name":"gv0","force":"yes"}`, "force", `"force" must be true or false, not the string "yes"`},
		{"string for number", `{"name":"gv0","replica":"3"}`, "replica", "whole number"},
		{"fraction", `{"name":"gv0","replica":2.5}`, "replica", "whole number, not the number 2.5"},
		{"huge", `{"name":"gv0","replica":99999999999999999999}`, "replica", "whole number"},
		{"negative size", `{"name":"gv0","size":-1}`, "size", "0 or more"},
		{"huge float", `{"name":"gv0","snapshot-reserve-factor":1e999}`, "snapshot-reserve-factor", "64 bits"},
		{"string for float", `{"name":"gv0","snapshot-reserve-factor":"1"}`, "snapshot-reserve-factor", "a number"},
		{"object for list", `{"name":"gv0","subvols":{}}`, "subvols", "must be a list, not an object"},
		{"list for map", `{"name":"gv0","options":[]}`, "options", "must be an object, not a list"},
		{"number in a map", `{"name":"gv0","options":{"a":5}}`, "options.a", "must be a string"},
		{"null in a list", `{"name":"gv0","subvols":[null]}`, "subvols[0]", "must be an object, not null"},
		{"too deep", deep, "", "deeper than 32"},
		{"long name of a field", `{"` + strings.Repeat("x", 5000) + `":1}`, "", "has no field"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			got := r.do("POST", "/v1/volumes", c.body)
			if got.status != http.StatusBadRequest {
				t.Fatalf("%d %s", got.status, got.body)
			}
			e := got.errors(t)[0]
			if !strings.Contains(e.Message, c.want) {
				t.Errorf("%q does not say %q", e.Message, c.want)
			}
			if c.field != "" && e.Fields[api.FieldField] != c.field {
				t.Errorf("field %q, want %q", e.Fields[api.FieldField], c.field)
			}
			if len(r.fake.calls) > 0 {
				t.Errorf("the service was called: %q", r.fake.calls)
			}
			if len(got.body) > 1000 {
				t.Errorf("the error has %d bytes", len(got.body))
			}
		})
	}
}

func TestBodyLimit(t *testing.T) {
	r := newRig(t, nil)
	fits := `{"name":"` + strings.Repeat("a", DefaultMaxBody-11) + `"}`
	if got := r.do("POST", "/v1/volumes", fits); got.status != http.StatusCreated {
		t.Errorf("%d bytes: %d", len(fits), got.status)
	}
	got := r.do("POST", "/v1/volumes", fits+" ")
	if got.status != http.StatusRequestEntityTooLarge || got.errors(t)[0].Kind != api.TooLarge {
		t.Errorf("one byte more: %d", got.status)
	}
}

func TestBodyWhereNoneBelongs(t *testing.T) {
	r := newRig(t, nil)
	for _, body := range []string{"", "null", "{}", " \n"} {
		if got := r.do("POST", "/v1/volumes/gv0/heal", body); got.status != http.StatusOK {
			t.Errorf("%q: %d %s", body, got.status, got.body)
		}
	}
	if got := r.do("POST", "/v1/volumes/gv0/heal", `{"type":"full"}`); got.status != http.StatusBadRequest {
		t.Errorf("a body: %d", got.status)
	}
}

func TestContentTypeIsNotAskedFor(t *testing.T) {
	r := newRig(t, nil)
	if got := r.do("POST", "/v1/peers", `{"addresses":["n2"]}`, "Content-Type", "application/json; charset=UTF-8"); got.status != http.StatusCreated {
		t.Errorf("with: %d", got.status)
	}
	if got := r.do("POST", "/v1/peers", `{"addresses":["n2"]}`); got.status != http.StatusCreated {
		t.Errorf("without: %d", got.status)
	}
}

func TestBadQueries(t *testing.T) {
	r := newRig(t, nil)
	for path, want := range map[string]string{
		"/v1/volumes/gv0/heal?tpye=full":           `did you mean \"type\"`,
		"/v1/volumes/gv0/heal?type=all":            `must be one of [\"index\" \"full\"]`,
		"/v1/volumes/gv0/heal?type=full&type=full": "given 2 times",
		"/v1/volumes/gv0/stop?force":               "has no query parameter",
	} {
		if got := r.do("POST", path, ""); got.status != http.StatusBadRequest || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := r.do("DELETE", "/v1/peers/p2?force=1", ""); got.status != http.StatusBadRequest {
		t.Errorf("force=1: %d", got.status)
	}
}

func TestSuggestions(t *testing.T) {
	known := []string{"peerid", "path", "type", "disperse-count", "a", "b", "c", "d", "e", "f", "g", "h", "i"}
	for name, want := range map[string]string{
		"peer-id": `; did you mean "peerid"?`, "ptah": `; did you mean "path"?`, "DisperseCount": `; did you mean "disperse-count"?`, "nothing-like-it": "",
	} {
		if got := didYouMean(name, known); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// FuzzDecode holds the decoder to two promises: it never panics, and whatever it accepts encoding/json accepts too, with
// unknown fields refused.
func FuzzDecode(f *testing.F) {
	for _, c := range everyRoute {
		f.Add([]byte(c.body))
	}
	for _, s := range []string{`{"name":"a","subvols":[{"bricks":[null]}]}`, `{"a":1`, `[[[[`, `{"name":"\ud800"}`, `{"replica":1e2}`} {
		f.Add([]byte(s))
	}
	types := []reflect.Type{
		reflect.TypeFor[api.VolumeCreateReq](), reflect.TypeFor[api.OptionGroupReq](), reflect.TypeFor[api.PeerAddReq](),
		reflect.TypeFor[api.VolumeOptionResetReq](), reflect.TypeFor[api.Transaction](), reflect.TypeFor[api.BrickHealInfo](),
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, typ := range types {
			v, err := decode(body, typ, nil)
			if err != nil {
				if err.Kind != api.Invalid || err.Message == "" {
					t.Fatalf("error %+v", err)
				}
				continue
			}
			if len(strings.TrimSpace(string(body))) == 0 {
				continue
			}
			dec := json.NewDecoder(strings.NewReader(string(body)))
			dec.DisallowUnknownFields()
			into := reflect.New(typ)
			if err := dec.Decode(into.Interface()); err != nil {
				t.Fatalf("encoding/json refuses what was accepted as %s: %v", typ, err)
			}
			if !reflect.DeepEqual(into.Elem().Interface(), v.Interface()) {
				t.Fatalf("decoded %+v, encoding/json %+v", v, into.Elem())
			}
		}
	})
}
