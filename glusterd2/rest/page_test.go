package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gd2/pkg/api"
)

// TestEveryListHasPages: a list that is added to the table has pages, or limits of its own.
func TestEveryListHasPages(t *testing.T) {
	for _, row := range newRig(t, nil).api.Routes() {
		if row.changes() || row.response == nil || row.response.Kind() != reflect.Slice || row.Access == Open {
			continue
		}
		if !row.takes(paramLimit) || !row.takes(paramCursor) {
			t.Errorf("%s has no pages: it needs a Key", row.Name)
		}
	}
}

// ask shapes an answer as a GET would have it.
func ask(row Route, query string, answer any) (string, *Request, *api.Error) {
	row.Method, row.response = http.MethodGet, reflect.TypeOf(answer)
	row = shaped(row)
	q, err := url.ParseQuery(query)
	if err != nil {
		panic(err)
	}
	r := &Request{Query: q, header: http.Header{}, path: "/v1/things"}
	out, wrong := r.shape(&row, answer)
	if wrong != nil {
		return "", r, wrong
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	return string(text), r, nil
}

func volumesCalled(names ...string) []api.VolumeInfo {
	out := []api.VolumeInfo{}
	for _, n := range names {
		out = append(out, api.VolumeInfo{ID: "id-" + n, Name: n, State: api.VolumeStarted, Metadata: map[string]string{"rack": "r-" + n},
			Subvols: []api.SubvolInfo{{Name: n + "-0", Bricks: []api.BrickInfo{{ID: "b", Path: "/b/" + n}}}}})
	}
	return out
}

func TestPages(t *testing.T) {
	row := Route{Access: Read, Key: "name"}
	for _, c := range []struct {
		list              string
		query, want, next string
	}{
		{"a b c d", "", "a b c d", ""},
		{"a b c d", "limit=2", "a b", "b"},
		{"a b c d", "limit=2&cursor=b", "c d", ""},
		{"a b c d", "limit=4", "a b c d", ""},
		{"a b c d", "cursor=b", "c d", ""},
		{"a b c d", "limit=1&cursor=d", "", ""},
		{"a c d", "limit=1&cursor=b", "c", "c"}, // b is gone: nothing is left out
		{"a aa b bb c", "limit=2&cursor=b", "bb c", ""},
		{"a c", "limit=1&cursor=x", "", ""},
		{"a c", "limit=1&cursor=", "a", "a"},
	} {
		got, r, err := ask(row, c.query+"&fields=name", volumesCalled(strings.Fields(c.list)...))
		if err != nil {
			t.Errorf("%s?%s: %v", c.list, c.query, err)
			continue
		}
		var back []api.VolumeInfo
		if err := json.Unmarshal([]byte(got), &back); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, v := range back {
			names = append(names, v.Name)
		}
		if strings.Join(names, " ") != c.want || r.header.Get(HeaderNext) != c.next {
			t.Errorf("%s?%s: %v, next %q; want %s, next %q", c.list, c.query, names, r.header.Get(HeaderNext), c.want, c.next)
		}
		link := r.header.Get("Link")
		if (link != "") != (c.next != "") || c.next != "" && (!strings.HasPrefix(link, "</v1/things?") || !strings.Contains(link, "cursor="+c.next)) {
			t.Errorf("%s?%s: Link %q", c.list, c.query, link)
		}
	}
	for _, query := range []string{"limit=0", "limit=x", "limit=1001", "limit="} {
		if _, _, err := ask(row, query, volumesCalled("a")); err == nil || err.Fields[api.FieldField] != paramLimit {
			t.Errorf("%s: %v", query, err)
		}
	}
	if _, _, err := ask(row, "cursor=bb", volumesCalled("c", "a", "b")); err == nil || err.Fields[api.FieldField] != paramCursor {
		t.Errorf("a cursor that is not in a list without an order: %v", err)
	}
	if got, _, err := ask(row, "cursor=a", volumesCalled("c", "a", "b")); err != nil || !strings.Contains(got, `"name":"b"`) || strings.Contains(got, `"name":"c"`) {
		t.Errorf("a cursor in a list without an order: %s, %v", got, err)
	}
	if got, r, err := ask(Route{Access: Read}, "limit=1", []string{"a", "b"}); err != nil || got != `["a"]` || r.header.Get(HeaderNext) != "a" {
		t.Errorf("a list of texts: %s, %v", got, err)
	}
	bricks := []api.BrickStatus{{Info: api.BrickInfo{ID: "2"}}, {Info: api.BrickInfo{ID: "1"}}}
	if got, _, err := ask(Route{Access: Read}, "cursor=2&fields=info.id", bricks); err != nil || got != `[{"info":{"id":"1"}}]` {
		t.Errorf("a list of bricks: %s, %v", got, err)
	}
}

// TestPagesUnderChange walks through a list in pages while others come and go: what is there all the time is seen once.
func TestPagesUnderChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lasting := map[string]bool{}
		present := map[string]bool{}
		for i := range 20 {
			if rapid.Bool().Draw(t, "lasts") {
				lasting[fmt.Sprintf("v%02d", i)] = true
			}
		}
		seen := map[string]int{}
		cursor, limit := "", rapid.IntRange(1, 6).Draw(t, "limit")
		for {
			for i := range 20 {
				name := fmt.Sprintf("v%02d", i)
				present[name] = lasting[name] || rapid.Bool().Draw(t, "there")
			}
			var names []string
			for n, there := range present {
				if there {
					names = append(names, n)
				}
			}
			slices.Sort(names)
			query := fmt.Sprintf("fields=name&limit=%d", limit)
			if cursor != "" {
				query += "&cursor=" + cursor
			}
			got, r, err := ask(Route{Access: Read, Key: "name"}, query, volumesCalled(names...))
			if err != nil {
				t.Fatal(err)
			}
			for n := range lasting {
				seen[n] += strings.Count(got, `"`+n+`"`)
			}
			if cursor = r.header.Get(HeaderNext); cursor == "" {
				break
			}
		}
		for n := range lasting {
			if seen[n] != 1 {
				t.Fatalf("%s was seen %d times", n, seen[n])
			}
		}
	})
}

func TestFields(t *testing.T) {
	list := volumesCalled("a")
	for fields, want := range map[string]string{
		"name":                         `[{"name":"a"}]`,
		"state,name":                   `[{"name":"a","state":"Started"}]`,
		"subvols.bricks.path, id":      `[{"id":"id-a","subvols":[{"bricks":[{"path":"/b/a"}]}]}]`,
		"metadata.rack":                `[{"metadata":{"rack":"r-a"}}]`,
		"metadata.none":                `[{"metadata":{}}]`,
		"subvols.name,subvols,subvols": `subvols whole`,
	} {
		got, _, err := ask(Route{Access: Read}, "fields="+url.QueryEscape(fields), list)
		if err != nil {
			t.Errorf("%s: %v", fields, err)
		} else if got != want && want != "subvols whole" || want == "subvols whole" && !strings.Contains(got, `"path":"/b/a"`) {
			t.Errorf("%s: %s, want %s", fields, got, want)
		}
	}
	for _, fields := range []string{"", "nam", "name.x", "subvols.brick", "name,,id", ".", strings.Repeat("name,", maxPicked+1)} {
		_, _, err := ask(Route{Access: Read}, "fields="+url.QueryEscape(fields), list)
		if err == nil || err.Kind != api.Invalid || err.Fields[api.FieldField] != paramFields {
			t.Errorf("%.30q: %v", fields, err)
		}
	}
	if _, _, err := ask(Route{Access: Read}, "fields=stat", list[0]); err == nil || !strings.Contains(err.Message, "state") {
		t.Errorf("a slip of the finger: %v", err)
	}
	if got, _, err := ask(Route{Access: Read}, "fields=state", list[0]); err != nil || got != `{"state":"Started"}` {
		t.Errorf("one volume: %s, %v", got, err)
	}
}

// TestFieldsOverHTTP: the parameters are there where they should be, and nowhere else.
func TestFieldsOverHTTP(t *testing.T) {
	r := newRig(t, nil)
	if got := r.do("GET", "/v1/peers?fields=name&limit=5&selector=rack", ""); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := r.do("GET", "/v1/volumes/gv0?fields=name,subvols.bricks.id", ""); strings.TrimSpace(got.body) != `{"name":"gv0","subvols":[{"bricks":[{"id":"b0"}]}]}` {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, path := range []string{"/v1/volumes/gv0?limit=1", "/v1/volumes?selector=%3D", "/v1/volumes?fields=x", "/v1/operations?limit=2000", "/v1/events?limit=0"} {
		if got := r.do("GET", path, ""); got.status != 400 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := r.do("POST", "/v1/volumes/gv0/start?fields=name", ""); got.status != 400 {
		t.Errorf("fields of a change: %d %s", got.status, got.body)
	}
}

func FuzzFields(f *testing.F) {
	f.Add("name,subvols.bricks.path")
	f.Add("metadata.a.b,.,")
	f.Fuzz(func(t *testing.T, text string) {
		sel, wrong := parseFields(text, reflect.TypeFor[[]api.VolumeInfo]())
		if wrong != nil {
			return
		}
		out, err := sel.append(nil, reflect.ValueOf(volumesCalled("a", "b")))
		if err != nil || !json.Valid(out) {
			t.Fatalf("%q: %v: %s", text, err, out)
		}
	})
}
