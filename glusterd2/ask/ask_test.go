package ask_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
	"gd2/transaction"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

type params struct{ Add int }

// pool is the askers of some peers over one store. Those named are at work.
func pool(t *testing.T, online ...string) (map[string]ask.Handle[params, string], map[string]*ask.Asker, *store.Store) {
	t.Helper()
	s := storetest.New(t)
	writes := []store.Write{volume.Records.Create("gv", &volume.Volume{ID: "v1", Name: "gv"})}
	for _, id := range []string{"p1", "p2", "p3"} {
		writes = append(writes, peer.Records.Create(id, &peer.Peer{ID: id, Host: "host-" + id}))
	}
	for _, id := range online {
		writes = append(writes, transaction.AliveKind.Create(id, transaction.Alive{}))
	}
	rev, err := s.Commit(t.Context(), writes)
	if err == nil {
		err = s.WaitRevision(t.Context(), rev)
	}
	if err != nil {
		t.Fatal(err)
	}
	handles, askers := map[string]ask.Handle[params, string]{}, map[string]*ask.Asker{}
	for _, id := range []string{"p1", "p2", "p3"} {
		a := ask.New(ask.Config{PeerID: id, Store: s, Call: func(ctx context.Context, to string, req ask.Request) (json.RawMessage, error) {
			return askers[to].Serve(ctx, req)
		}})
		askers[id] = a
		handles[id] = ask.Register(a, ask.Question[params, string]{Name: "who", Answer: func(_ context.Context, v *volume.Volume, p params) (string, error) {
			if p.Add > 1 {
				return "", api.Errorf(api.State, "not more than one")
			}
			if v == nil {
				return id + " of no volume", nil
			}
			return id + " of " + v.Name, nil
		}})
	}
	return handles, askers, s
}

func TestAsk(t *testing.T) {
	handles, _, s := pool(t, "p1", "p2")
	rec, _, err := volume.Records.Get(s, "gv")
	if err != nil {
		t.Fatal(err)
	}
	got := handles["p1"].Ask(t.Context(), rec.Value, []string{"p2", "p1", "p3"}, params{Add: 1})
	if got[0].Value != "p2 of gv" || got[1].Value != "p1 of gv" || got[0].Err != nil || got[1].Err != nil {
		t.Errorf("answers: %+v", got)
	}
	if e := got[2].Err; e == nil || e.Kind != api.Unavailable || e.Fields[api.FieldPeer] != "p3" || got[2].Host != "host-p3" {
		t.Errorf("a peer that is away: %+v", got[2])
	}
	if err := ask.Failures("some did not answer", got); err == nil || !strings.Contains(err.Error(), "host-p3: the peer is offline") {
		t.Errorf("failures: %v", err)
	}
	if got := handles["p1"].Ask(t.Context(), nil, []string{"p2"}, params{}); got[0].Value != "p2 of no volume" || ask.Failures("", got) != nil {
		t.Errorf("no volume: %+v", got)
	}
	if got := handles["p1"].Ask(t.Context(), rec.Value, []string{"p2"}, params{Add: 2}); got[0].Err == nil || got[0].Err.Kind != api.State {
		t.Errorf("the error of a peer: %+v", got)
	}
}

// A volume that was deleted and made again since is not the one that was asked about.
func TestServeRefuses(t *testing.T) {
	_, askers, s := pool(t)
	for _, c := range []struct {
		req  ask.Request
		kind api.Kind
	}{
		{ask.Request{Question: "why"}, api.NotSupported},
		{ask.Request{Question: "who", Volume: "gv", ID: "v0", Params: json.RawMessage(`{}`)}, api.NotFound},
		{ask.Request{Question: "who", Volume: "gone", ID: "v1", Params: json.RawMessage(`{}`)}, api.NotFound},
		{ask.Request{Question: "who", Volume: "gv", ID: "v1", Params: json.RawMessage(`{"Add":"x"}`)}, api.Invalid},
	} {
		if _, err := askers["p1"].Serve(t.Context(), c.req); !api.IsKind(err, c.kind) {
			t.Errorf("%+v: %v", c.req, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := askers["p1"].Serve(ctx, ask.Request{Question: "who", Revision: s.Revision() + 1}); err == nil {
		t.Error("an answer older than the question")
	}
}
