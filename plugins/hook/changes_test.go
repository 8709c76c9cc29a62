package hook

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/glusterd2/volume"
	"gd2/store"
)

func TestChanges(t *testing.T) {
	vol := func(name string, state volume.State, options map[string]string) store.Record[*volume.Volume] {
		return store.Record[*volume.Volume]{ID: name, Value: &volume.Volume{ID: "id-" + name, Name: name, State: state, Options: options}}
	}
	type list = []store.Record[*volume.Volume]
	a := map[string]string{"x": "1"}
	same := vol("s", volume.Started, a)
	anew := vol("n", volume.Started, a)
	anew.Value.ID = "another"
	tests := []struct {
		name        string
		before, now list
		want        []Event
	}{
		{"nothing", list{same}, list{same}, nil},
		{"create", nil, list{vol("v", volume.Created, a)}, []Event{{Operation: Create, Volume: "v"}}},
		{"first start", list{vol("v", volume.Created, a)}, list{vol("v", volume.Started, a)}, []Event{{Operation: Start, Volume: "v", First: true}}},
		{"second start", list{same, vol("v", volume.Stopped, a)}, list{same, vol("v", volume.Started, a)}, []Event{{Operation: Start, Volume: "v"}}},
		{"last stop", list{vol("v", volume.Started, a)}, list{vol("v", volume.Stopped, a)}, []Event{{Operation: Stop, Volume: "v", Last: true}}},
		{"set and reset", list{vol("v", volume.Started, map[string]string{"x": "1", "y": "2"})}, list{vol("v", volume.Started, map[string]string{"x": "3"})}, []Event{
			{Operation: Set, Volume: "v", Options: map[string]string{"x": "3"}}, {Operation: Reset, Volume: "v"}}},
		{"add-brick", list{bricked("v", "a")}, list{bricked("v", "a", "b")}, []Event{{Operation: AddBrick, Volume: "v"}}},
		{"remove-brick", list{bricked("v", "a", "b")}, list{bricked("v", "a")}, []Event{{Operation: RemoveBrick, Volume: "v"}}},
		{"brick leaves", list{bricked("v", "a", "b")}, list{leaving(bricked("v", "a", "b"))}, []Event{{Operation: RemoveBrick, Volume: "v"}}},
		{"brick stays after all", list{leaving(bricked("v", "a", "b"))}, list{bricked("v", "a", "b")}, nil},
		{"replace-brick", list{bricked("v", "a", "b")}, list{bricked("v", "a", "c")}, nil},
		{"create with bricks", nil, list{bricked("v", "a")}, []Event{{Operation: Create, Volume: "v"}}},
		{"delete", list{vol("v", volume.Stopped, a)}, nil, []Event{{Operation: Delete, Volume: "v"}}},
		{"made anew", list{vol("n", volume.Stopped, a)}, list{anew}, []Event{{Operation: Create, Volume: "n"}, {Operation: Start, Volume: "n", First: true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, changes(tt.before, tt.now)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// bricked is a started volume with bricks.
func bricked(name string, ids ...string) store.Record[*volume.Volume] {
	v := &volume.Volume{ID: "id-" + name, Name: name, State: volume.Created}
	for i, id := range ids {
		v.Subvols = append(v.Subvols, volume.Subvol{Bricks: []volume.Brick{{ID: id, Client: i}}})
	}
	return store.Record[*volume.Volume]{ID: name, Value: v}
}

// leaving is a volume whose last brick leaves.
func leaving(rec store.Record[*volume.Volume]) store.Record[*volume.Volume] {
	rec.Value.Subvols[len(rec.Value.Subvols)-1].Bricks[0].Leaving = true
	return rec
}
