package hook

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/glusterd2/volume"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

func TestComing(t *testing.T) {
	peers := transactiontest.NewPool(t, transactiontest.Config{Registry: func(string) *transaction.Registry { return transaction.NewRegistry() }})
	st := peers.Store("p1")
	made := volume.Volume{ID: "1", Name: "gv", State: volume.Stopped, Options: map[string]string{"a": "1"}, Subvols: []volume.Subvol{{Bricks: []volume.Brick{{ID: "b"}}}}}
	last := volume.Volume{ID: "3", Name: "zz", State: volume.Started}
	rev, err := st.Commit(t.Context(), []store.Write{volume.Records.Create("gv", &made), volume.Records.Create("zz", &last)})
	if err == nil {
		err = st.WaitRevision(t.Context(), rev)
	}
	if err != nil {
		t.Fatal(err)
	}
	other, changed, more := made, made, made
	other.ID, other.Name = "2", "other"
	changed.Options = map[string]string{"b": "2"}
	more.Subvols = append(more.Subvols, volume.Subvol{Bricks: []volume.Brick{{ID: "c", Client: 1}}})
	for _, c := range []struct {
		operation string
		volume    *volume.Volume
		want      []Event
	}{
		{"volume.create", &other, []Event{{Operation: Create, Volume: "other"}}},
		{"volume.start", &made, []Event{{Operation: Start, Volume: "gv"}}},
		{"volume.stop", &made, nil}, // it is not started
		{"volume.stop", &last, []Event{{Operation: Stop, Volume: "zz", Last: true}}},
		{"volume.delete", &made, []Event{{Operation: Delete, Volume: "gv"}}},
		{"volume.edit", &changed, []Event{{Operation: Set, Volume: "gv", Options: map[string]string{"b": "2"}}, {Operation: Reset, Volume: "gv"}}},
		{"volume.edit", &made, nil},
		{"volume.expand", &more, []Event{{Operation: AddBrick, Volume: "gv"}}},
		{"volume.whatever", nil, nil},
		{"peer.add", &made, nil},
	} {
		params, err := json.Marshal(map[string]any{"volume": c.volume})
		if err != nil {
			t.Fatal(err)
		}
		got, err := coming(st, transaction.Begun{ID: "T", Operation: c.operation, Params: params})
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", c.operation, err, d)
		}
	}
	pool := json.RawMessage(`{"options":{"cluster.brick-multiplex":"on"}}`)
	got, err := coming(st, transaction.Begun{ID: "T", Operation: "cluster.options", Params: pool})
	if d := cmp.Diff([]Event{{Operation: Set, Volume: All, Options: map[string]string{"cluster.brick-multiplex": "on"}}}, got); d != "" || err != nil {
		t.Errorf("options of the pool: %v (-want +got)\n%s", err, d)
	}
	if _, err := coming(st, transaction.Begun{Operation: "volume.edit", Params: json.RawMessage(`{"volume":3}`)}); err == nil {
		t.Error("parameters that are something else are read")
	}
}
