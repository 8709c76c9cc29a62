package rest

import (
	"encoding/json"
	"reflect"
	"testing"

	"gd2/pkg/api"
)

func TestFill(t *testing.T) {
	type inner struct {
		List []string          `json:"list"`
		Map  map[string]string `json:"map"`
		Gone []string          `json:"gone,omitempty"`
	}
	type outer struct {
		inner
		Ptr  *inner           `json:"ptr"`
		Nil  *inner           `json:"nil"`
		All  []inner          `json:"all"`
		By   map[string]any   `json:"by"`
		Of   map[string]inner `json:"of"`
		Raw  json.RawMessage  `json:"raw,omitempty"`
		Name string           `json:"name"`
	}
	in := outer{Ptr: &inner{}, All: []inner{{}}, Of: map[string]inner{"x": {}}}
	var f filler
	got, err := json.Marshal(f.fill(in))
	if err != nil {
		t.Fatal(err)
	}
	const empty = `{"list":[],"map":{}}`
	want := `{"list":[],"map":{},"ptr":` + empty + `,"nil":null,"all":[` + empty + `],"by":{},"of":{"x":` + empty + `},"name":""}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if in.List != nil || in.Ptr.List != nil || in.All[0].List != nil || in.Of["x"].List != nil {
		t.Error("the original was changed, which belongs to the store")
	}
}

func TestFillRecursiveType(t *testing.T) {
	var f filler
	got := f.fill(api.VolumeInfo{Subvols: []api.SubvolInfo{{Subvols: []api.SubvolInfo{{}}}}}).(api.VolumeInfo)
	if got.Subvols[0].Bricks == nil || got.Subvols[0].Subvols[0].Bricks == nil || got.Options == nil {
		t.Errorf("%+v", got)
	}
	if got := f.fill(nil); got != nil {
		t.Errorf("nil became %v", got)
	}
	if got := f.fill("text"); !reflect.DeepEqual(got, "text") {
		t.Errorf("text became %v", got)
	}
}

func BenchmarkFill(b *testing.B) {
	list := make([]api.VolumeInfo, 10000)
	for i := range list {
		list[i] = api.VolumeInfo{Name: "gv", Subvols: []api.SubvolInfo{{Bricks: make([]api.BrickInfo, 3)}}}
	}
	var f filler
	for b.Loop() {
		f.fill(list)
	}
}
