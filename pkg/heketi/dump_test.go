package heketi

import (
	"encoding/json"
	"strings"
	"testing"

	"gd2/pkg/api"
)

func TestParseDump(t *testing.T) {
	d, unknown, err := ParseDump([]byte(`{"nodeentries":{"n":{"State":"online","Info":{"zone":2,"id":"n"},"Devices":["d","d"]}},
		"brickentries":{"b":{"Info":{"id":"b","size":7},"TpSize":8,"SubType":2}},"volumeentries":{"v":{"Pending":{"Id":"op"},"Bricks":["b"]}}}`))
	if err != nil || unknown != "" || d.Nodes["n"].Info.Zone != 2 || d.Bricks["b"].TpSize != 8 || d.Volumes["v"].Pending.Id != "op" {
		t.Errorf("%+v, %q, %v", d, unknown, err)
	}
	d, unknown, err = ParseDump([]byte(`{"nodeentries":{"n":{"State":"offline","Colour":"red"}}}`))
	if err != nil || unknown != `unknown field "Colour"` || d.Nodes["n"].State != StateOffline {
		t.Errorf("%+v, %q, %v", d, unknown, err)
	}
	for text, says := range map[string]string{
		``: "none of Heketi's database", `{"nodeentries":`: "none of Heketi's", `[]`: "none of Heketi's", `{} {}`: "none of Heketi's",
		`{"volumeentries":{"v":{"Info":{"size":"much"}}}}`:             "size",
		`{"nodeentries":{"n":{"State":"online"},"m":{},"n":{}}}`:       `"n" stands twice`,
		`{"deviceentries":{"d":{"Info":{"tags":{"a":"1","a":"2"}}}}}`:  `"a" stands twice`,
		`{"brickentries":{"b":{"TpSize":-1}}}`:                         "TpSize",
		`{"brickentries":{"b":{"TpSize":99999999999999999999999999}}}`: "TpSize",
	} {
		if _, _, err := ParseDump([]byte(text)); !api.IsKind(err, api.Invalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v does not say %q", text, err, says)
		}
	}
}

func TestTwice(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":{"a":1},"b":["a","a",{"a":"a"}]}`: "", `{"a":["x"],"b":{},"a":null}`: "a", `[{"k":{"k":1,"v":"k","k":2}}]`: "k", `"a"`: "",
	} {
		if got := twice([]byte(text)); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// What was read and is written again is read as the same.
func FuzzParseDump(f *testing.F) {
	f.Add([]byte(`{"nodeentries":{"n":{"State":"online","Info":{"hostnames":{"manage":["n1"]}}}},"pendingoperations":{"o":{"Actions":[{"Id":"x"}]}}}`))
	f.Add([]byte(`{"clusterentries":{"c":{"Info":{"id":"c"}}},"clusterentries":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, _, err := ParseDump(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := ParseDump(again); err != nil || clean(got) != clean(d) {
			t.Errorf("%s\nbecame, %v,\n%+v", again, err, got)
		}
	})
}

// clean is a dump as JSON has it: without what is left out if it is empty.
func clean(d Dump) string {
	text, _ := json.Marshal(d)
	return string(text)
}
