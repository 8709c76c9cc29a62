package peers

import (
	"testing"

	"gd2/pkg/api"
	"gd2/store"
)

func TestPeersAreConditional(t *testing.T) {
	r := newRig(t)
	r.add(testPeer(2, id2), true)
	e := &store.Expectation{}
	if _, err := r.c.Get(store.Expect(t.Context(), e), "node2"); err != nil {
		t.Fatal(err)
	}
	read, _ := e.Revision()
	edit := func(rev int64) (int64, error) {
		e := &store.Expectation{Revisions: []int64{rev}}
		_, err := r.c.Edit(store.Expect(t.Context(), e), "node2", api.PeerEditReq{Zone: "z"})
		now, _ := e.Revision()
		return now, err
	}
	now, err := edit(read)
	if err != nil || now <= read {
		t.Fatalf("revision %d after %d: %v", now, read, err)
	}
	_, err = edit(read)
	refused(t, err, api.Precondition, "")
	err = r.c.Delete(store.Expect(t.Context(), &store.Expectation{Revisions: []int64{read}}), "node2", false)
	refused(t, err, api.Precondition, "")
	if p, ok := r.record(id2); !ok || p.Leaving {
		t.Errorf("the peer was touched: %+v", p)
	}
	// A detach takes several transactions, of which the first changes the record.
	if err := r.c.Delete(store.Expect(t.Context(), &store.Expectation{Revisions: []int64{now}}), "node2", false); err != nil {
		t.Error(err)
	}
}
