package store_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"gd2/store"
	"gd2/store/storetest"
)

// A peer whose member was removed while it was away finds that out, and goes on as a client.
func TestStopRemoved(t *testing.T) {
	peers := storetest.Peers(t, 3)
	away := peers[2]
	members, err := peers[0].Store.Members(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if stopped, err := away.Store.StopRemoved(within(t), members); stopped || err != nil {
		t.Errorf("a member that runs was stopped: %v, %v", stopped, err)
	}
	if err := away.Store.Close(); err != nil {
		t.Fatal(err)
	}
	storetest.RemoveVoter(t, peers[0], "peer-3")
	away.Restart(t)
	storetest.WaitReady(t, away.Store)
	if members, err = away.Store.Members(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := until(t, func() (bool, error) { return away.Store.StopRemoved(within(t), members) }); err != nil {
		t.Fatal(err)
	}
	commit(t, away.Store, volumes.Create("gv0", volume{}))
	wantVolume(t, peers[0].Store, "gv0")
	if err := away.Store.Close(); err != nil {
		t.Fatal(err)
	}
	away.Restart(t)
	wantVolume(t, away.Store, "gv0")
	if dirs, _ := filepath.Glob(filepath.Join(away.Config.Dir, "member-*")); len(dirs) != 0 {
		t.Errorf("data of the former member is left: %v", dirs)
	}
	if stopped, err := away.Store.StopRemoved(within(t), []store.Member{}); stopped || err != nil {
		t.Errorf("a client was stopped: %v, %v", stopped, err)
	}
}

// until repeats a question until the answer is yes.
func until(t *testing.T, ask func() (bool, error)) error {
	t.Helper()
	ctx := within(t)
	for {
		done, err := ask()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("it did not come about in time")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
