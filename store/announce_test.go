package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

type alive struct {
	Boot string `json:"boot"`
}

var alives = store.NewKind[alive](store.PrefixAlive, 1)

// announce keeps a record until the returned function is called, which returns what Announce has returned.
func announce(t *testing.T, s *store.Store, id, boot string) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Announce(ctx, alives.Create(id, alive{boot}), 2*time.Second) }()
	t.Cleanup(cancel)
	return func() error {
		cancel()
		return <-done
	}
}

// wantAlive waits until a store sees the record with the boot id, or none if that is empty.
func wantAlive(t *testing.T, s *store.Store, id, boot string) store.Record[alive] {
	t.Helper()
	changed, stop := s.Subscribe(alives.Prefix())
	defer stop()
	for {
		rec, ok, err := alives.Get(s, id)
		if err != nil {
			t.Fatal(err)
		}
		if ok == (boot != "") && rec.Value.Boot == boot {
			return rec
		}
		select {
		case <-changed:
		case <-within(t).Done():
			t.Fatalf("the announcement of %s is %+v (%v), want %q", id, rec, ok, boot)
		}
	}
}

func TestAnnounce(t *testing.T) {
	s := storetest.New(t)
	store.Raw(t, s, "/gd2/alive/peer-1", `{"v":1,"d":{"boot":"former"}}`)
	wantAlive(t, s, "peer-1", "former")
	stop := announce(t, s, "peer-1", "one")
	rec := wantAlive(t, s, "peer-1", "one")

	// Someone removes it: it comes back.
	commit(t, s, alives.Delete("peer-1", rec.Revision))
	wantAlive(t, s, "peer-1", "one")

	// Its lease is lost: it comes back.
	leases, err := store.Client(s).Leases(t.Context())
	if err != nil || len(leases.Leases) != 1 {
		t.Fatalf("leases are %v, %v, want one", leases, err)
	}
	if _, err := store.Client(s).Revoke(t.Context(), leases.Leases[0].ID); err != nil {
		t.Fatal(err)
	}
	wantAlive(t, s, "peer-1", "one")

	// It ends: it is gone at once.
	start := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	wantAlive(t, s, "peer-1", "")
	if took := time.Since(start); took > time.Second {
		t.Errorf("the announcement was seen for %v after its end", took)
	}
	if err := s.Announce(t.Context(), alives.Create("peer-1", alive{}), time.Second); !api.IsKind(err, api.Internal) {
		t.Errorf("a time to live of a second was accepted: %v", err)
	}
}

// TestAnnounceAcrossJoin lets a peer go over to another pool and die there.
func TestAnnounceAcrossJoin(t *testing.T) {
	ca := storetest.NewAuthority(t)
	first, second := storetest.NewPeer(t, ca, "peer-1"), storetest.NewPeer(t, ca, "peer-2")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- second.Store.Announce(ctx, alives.Create("peer-2", alive{"two"}), 2*time.Second) }()
	wantAlive(t, second.Store, "peer-2", "two")
	storetest.JoinPeer(t, first, second)
	wantAlive(t, first.Store, "peer-2", "two")
	if err := second.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !api.IsKind(err, api.Unavailable) || errors.Is(err, context.Canceled) {
		t.Errorf("the announcement of a closed store ended with %v", err)
	}
	wantAlive(t, first.Store, "peer-2", "") // when the lease runs out
}
