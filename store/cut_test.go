package store_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

// A peer that was cut off its pool says so, asks nobody, and keeps what it had until it starts anew.
func TestCut(t *testing.T) {
	peers := storetest.Peers(t, 3)
	commit(t, peers[2].Store, volumes.Create("gv0", volume{}))
	cut := peers[2].Store
	ctx, cancel := context.WithCancel(t.Context())
	announced := make(chan error)
	go func() {
		announced <- cut.Announce(ctx, alives.Create("peer-3", alive{"boot"}), 2*time.Second)
	}()
	withdrawn := sync.OnceFunc(func() {
		cancel()
		if err := <-announced; err != nil {
			t.Error(err)
		}
	})
	defer withdrawn()
	for range 2 {
		cut.Cut("this peer was detached")
	}
	for what, err := range map[string]error{
		"read":  cut.Sync(within(t)),
		"write": second(cut.Commit(within(t), []store.Write{volumes.Create("gv1", volume{})})),
	} {
		if !api.IsKind(err, api.State) || !strings.Contains(err.Error(), "was detached") {
			t.Errorf("%s of a peer that was cut: %v", what, err)
		}
	}
	if text := cut.Waiting(); !strings.Contains(text, "was detached") || cut.IsLeader() {
		t.Errorf("it waits for %q", text)
	}
	get(t, cut, "gv0")
	if _, err := cut.Members(within(t)); err == nil {
		t.Error("it still knows the members")
	}
	commit(t, peers[0].Store, volumes.Create("gv2", volume{}))

	// After a restart it is a member as before, until it is cut again.
	withdrawn()
	if err := cut.Close(); err != nil {
		t.Fatal(err)
	}
	peers[2].Restart(t)
	wantVolume(t, peers[2].Store, "gv2")
	peers[2].Store.Cut("again")
	if err := peers[2].Store.Fresh(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := peers[2].Store.Sync(within(t)); err != nil {
		t.Fatal(err)
	}
	commit(t, peers[2].Store, volumes.Create("own", volume{}))
}

func second[T any](_ T, err error) error { return err }
