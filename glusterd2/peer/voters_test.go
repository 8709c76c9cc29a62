package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
	"gd2/transaction"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

func TestTarget(t *testing.T) {
	for _, c := range []struct{ n, most, voters, learners int }{
		{0, 5, 1, 0}, {1, 5, 1, 0}, {2, 5, 1, 1}, {3, 5, 3, 0}, {4, 5, 3, 0}, {6, 5, 3, 0}, {7, 5, 5, 0}, {100, 5, 5, 0},
		{3, 1, 1, 1}, {100, 1, 1, 1}, {1, 1, 1, 0}, {9, 3, 3, 0}, {6, 7, 3, 0}, {7, 7, 7, 0},
	} {
		if v, l := Target(c.n, c.most); v != c.voters || l != c.learners {
			t.Errorf("Target(%d, %d) = %d, %d, want %d, %d", c.n, c.most, v, l, c.voters, c.learners)
		}
	}
}

// urls are the store's peer URLs of a peer.
func urls(id string) []string { return []string{"https://" + id + ":2380"} }

// pool makes records of peers. A word is the id, with >HOST after it for one that has moved, @ZONE after that, and - before it for a peer that is leaving.
func pool(text string) []store.Record[*Peer] {
	var out []store.Record[*Peer]
	for _, word := range strings.Fields(text) {
		id, leaving := strings.CutPrefix(word, "-")
		id, zone, _ := strings.Cut(id, "@")
		id, host, moved := strings.Cut(id, ">")
		if !moved {
			host = id
		}
		p := &Peer{ID: id, Leaving: leaving, StorePeerURLs: urls(host)}
		if zone != "" {
			p.Metadata = map[string]string{api.ZoneKey: zone}
		}
		out = append(out, store.Record[*Peer]{ID: id, Value: p})
	}
	return out
}

// members makes members of the store. A word is the id, with ? after it for a learner and ! for one without a name yet.
func members(text string) []store.Member {
	var out []store.Member
	for i, word := range strings.Fields(text) {
		id := strings.TrimRight(word, "?!")
		m := store.Member{ID: uint64(i + 1), PeerID: id, PeerURLs: urls(id), Learner: id != word}
		if strings.HasSuffix(word, "!") {
			m.PeerID = ""
		}
		out = append(out, m)
	}
	return out
}

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		// A peer in offline with a + is dead: it has been away for long.
		name, peers, members, offline, want string
	}{
		{"alone", "a", "a", "", ""},
		{"two: a learner is added", "a b", "a", "", "add b"},
		{"two: as it should be", "a b", "a b?", "", ""},
		{"two: the learner may be away", "a b", "a b?", "b", ""},
		{"two: the other is away", "a b", "a", "b", ""},
		{"two: a learner without a name is started", "a b", "a b!", "", "start b"},
		{"three: the learner is promoted", "a b c", "a b?", "", "promote b"},
		{"three: the third is added", "a b c", "a b", "", "add c"},
		{"three: it is promoted", "a b c", "a b c?", "", "promote c"},
		{"three: as it should be", "a b c", "a b c", "", ""},
		{"three: a voter that is away keeps its vote", "a b c", "a b c", "c", ""},
		{"three: a learner that is away stands in the way", "a b c", "a b?", "b", "drop b"},
		{"three: the next one is added", "a b c", "a", "b", "add c"},
		{"three: a learner that never started and is away", "a b c", "a b!", "b", "drop "},
		{"four: as it should be", "a b c d", "a b c", "", ""},
		{"six: as it should be", "a b c d e f", "a b c", "", ""},
		{"seven: five voters", "a b c d e f g", "a b c", "", "add d"},
		{"seven: nobody to add", "a b c d e f g", "a b c", "d e f g", ""},
		{"seven: as it should be", "a b c d e f g", "a b c d e", "", ""},
		{"six again: the highest goes", "a b c d e f", "a b c d e", "", "demote e"},
		{"six again: rather one that is away", "a b c d e f", "a b c d e", "c", "demote c"},
		{"six again: never the leader", "b c d e f z", "b c d e z", "", "demote e"},
		{"two again: one vote less", "a b", "a b", "", "demote b"},
		{"detached: its member goes", "a b c", "a b c x", "", "remove x"},
		{"detached: also a learner", "a b c", "a b c x?", "", "remove x"},
		{"detached: also one that never started", "a b c", "a b c x!", "", "remove "},
		{"detached: before anything else", "a b c", "x a b?", "", "remove x"},
		{"leaving: gets no copy", "a b -c", "a b", "", ""},
		{"leaving: another does", "a b -c d", "a b", "", "add d"},
		{"leaving: no vote is taken meanwhile", "-a b", "a b", "", ""},
		{"zones: another one first", "a@1 b@1 c@1 d@2", "a", "", "add d"},
		{"zones: learners count", "a@1 b@2 c@2 d@3 e f g", "a b? ", "", "promote b"},
		{"zones: the one with fewest", "a@1 b@2 c@1 d@2 e@3 f g@3", "a b", "f", "add e"},
		{"moved: a voter", "a b>b2 c", "a b c", "", "move b"},
		{"moved: also one that is away", "a b>b2 c", "a b c", "b", "move b"},
		{"moved: a learner", "a b>b2", "a b?", "", "move b"},
		{"moved before it started: the old one goes", "a b>b2", "a b!", "", "remove "},
		{"missing voter: nothing can be added", "a b c d e f g", "a b c", "c", ""},
		{"dead voter: nobody to take its place", "a b c", "a b c", "+c", ""},
		{"dead voter: the others are away", "a b c d", "a b c", "+c d", ""},
		{"dead voter: it is replaced", "a b c d", "a b c", "+c", "replace c"},
		{"dead voter: not yet", "a b c d", "a b c", "c", ""},
		{"dead voter: then another is added", "a b c d", "a b", "+c", "add d"},
		{"dead voter: and promoted", "a b c d", "a b d?", "+c", "promote d"},
		{"dead voter: not without a quorum of the rest", "a b c d", "a b c", "+b +c", ""},
		{"two of five are dead: one", "a b c d e f g", "a b c d e", "+d +e", "replace e"},
		{"two of five are dead: the other", "a b c d e f g", "a b c d", "+d +e", "replace d"},
		{"two of five are dead: a new one", "a b c d e f g", "a b c", "+d +e", "add f"},
		{"two of five, one candidate", "a b c d e f g", "a b c d", "+d +e +g", "replace d"},
		{"three of five are dead: no", "a b c d e f g", "a b c d e", "+c +d +e", ""},
		{"one dead, one away", "a b c d e f g", "a b c d e", "+d e", "replace d"},
		{"one dead, one away: wait for that one", "a b c d e f g", "a b c e", "+d e", ""},
		{"dead and detached: its member goes anyway", "a b d", "a b c", "+c", "remove c"},
		{"dead leader: never doubts itself", "a b c d", "a b c", "+a", ""},
		{"zones: the dead do not count", "a@1 b@2 c@3 d@3 e@1", "a b c", "+c", "replace c"},
		{"zones: that of the dead is free", "a@1 b@2 c@3 d@1 e@3", "a b", "+c", "add e"},
		{"zones: of two dead the one in the fuller", "a@1 b@1 c@2 d@1 e@3 f g", "a b c d e", "+d +e", "replace d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			self := "a"
			if strings.Contains(c.name, "never the leader") {
				self = "z"
			}
			away := strings.Fields(c.offline)
			act := decide(view{
				self: self, peers: pool(c.peers), members: members(c.members), most: DefaultVoters,
				online: func(id string) bool { return !slices.Contains(away, id) && !slices.Contains(away, "+"+id) },
				dead:   func(id string) bool { return slices.Contains(away, "+"+id) },
			})
			got := act.kind
			switch {
			case act.kind == "add" || act.kind == "start":
				got += " " + act.peer.ID
			case act.kind != "":
				got += " " + act.member.PeerID
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Whatever pool and members there are, the loop comes to rest, with as many votes as it should have.
func TestDecideComesToRest(t *testing.T) {
	names := strings.Fields("a b c d e f g h")
	for n := 1; n <= len(names); n++ {
		for m := 1; m <= len(names); m++ {
			peers, have := pool(strings.Join(names[:n], " ")), members(strings.Join(names[:m], " "))
			steps := 0
			for ; steps < 50; steps++ {
				act := decide(view{
					self: "a", peers: peers, members: have, most: DefaultVoters,
					online: func(string) bool { return true }, dead: func(string) bool { return false },
				})
				if act.kind == "" {
					break
				}
				have = apply(have, act)
			}
			voters, learners := Target(n, DefaultVoters)
			if v, l := count(have); v != voters || l != learners || steps == 50 {
				t.Errorf("%d peers, %d members: %d voters and %d learners after %d steps", n, m, v, l, steps)
			}
		}
	}
}

func apply(have []store.Member, act action) []store.Member {
	i := slices.IndexFunc(have, func(m store.Member) bool { return m.ID == act.member.ID })
	switch act.kind {
	case "promote":
		have[i].Learner = false
	case "start":
		have[i].PeerID = act.peer.ID
	case "add":
		have = append(have, store.Member{ID: uint64(100 + len(have)), PeerURLs: act.peer.StorePeerURLs, Learner: true})
	default:
		have = slices.Delete(have, i, i+1)
	}
	return have
}

func count(have []store.Member) (voters, learners int) {
	for _, m := range have {
		if m.Learner {
			learners++
		} else {
			voters++
		}
	}
	return voters, learners
}

// fakeStore is a Membership whose members are a list.
type fakeStore struct {
	*store.Store
	have      []store.Member
	leader    bool
	endpoints []string
	calls     []string
}

func (f *fakeStore) IsLeader() bool                                  { return f.leader }
func (f *fakeStore) Members(context.Context) ([]store.Member, error) { return f.have, nil }
func (f *fakeStore) Follow(have []store.Member) error {
	f.endpoints = store.VoterURLs(have)
	return nil
}

func (f *fakeStore) AddLearner(_ context.Context, peerURLs []string) (uint64, map[string][]string, error) {
	f.calls = append(f.calls, "add")
	f.have = append(f.have, store.Member{ID: 9, PeerURLs: peerURLs, Learner: true})
	return 9, map[string][]string{"a": urls("a"), "member-9": peerURLs}, nil
}

func (f *fakeStore) Promote(_ context.Context, id uint64) error {
	f.calls = append(f.calls, fmt.Sprint("promote ", id))
	return api.Errorf(api.Conflict, "not in sync")
}

func (f *fakeStore) RemoveMember(_ context.Context, id uint64) error {
	f.calls = append(f.calls, fmt.Sprint("remove ", id))
	f.have = slices.DeleteFunc(f.have, func(m store.Member) bool { return m.ID == id })
	return nil
}

func (f *fakeStore) UpdateMember(_ context.Context, id uint64, peerURLs []string) error {
	f.calls = append(f.calls, fmt.Sprint("update ", id, " ", peerURLs))
	return nil
}

// StartMember implements Remote.
func (f *fakeStore) StartMember(_ context.Context, peerID string, cluster map[string][]string) error {
	f.calls = append(f.calls, fmt.Sprint("start ", peerID, " ", cluster))
	return errors.New("it does not start")
}

// StopMember implements Remote.
func (f *fakeStore) StopMember(_ context.Context, peerID string) error {
	f.calls = append(f.calls, "stop "+peerID)
	return nil
}

func TestVoters(t *testing.T) {
	f := &fakeStore{Store: storetest.New(t), have: members("a"), leader: true}
	f.have[0].ClientURLs = []string{"https://a:2379"}
	writes := []store.Write{}
	for _, p := range pool("a b c") {
		writes = append(writes, Records.Create(p.ID, p.Value), transaction.AliveKind.Create(p.ID, transaction.Alive{Boot: "1"}))
	}
	rev, err := f.Commit(t.Context(), writes)
	if err == nil {
		err = f.WaitRevision(t.Context(), rev)
	}
	if err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	v := &Voters{Self: "a", Store: f, Remote: f, Log: logrus.NewEntry(log)}
	once := func(want ...string) (bool, error) {
		t.Helper()
		f.calls = nil
		again, err := v.once(t.Context())
		if !slices.Equal(f.calls, want) {
			t.Errorf("calls %q, want %q", f.calls, want)
		}
		return again, err
	}
	// A learner that does not start is taken out again.
	if _, err := once("add", "start b map[a:[https://a:2380] b:[https://b:2380]]", "remove 9"); err == nil {
		t.Error("no error for a learner that did not start")
	}
	f.have = append(f.have, members("- b?")[1])
	if again, err := once("promote 2"); !again || err != nil {
		t.Errorf("a learner that is not in sync: %v, %v", again, err)
	}
	f.have = members("a b c d")
	if again, err := once("remove 4"); !again || err != nil {
		t.Errorf("%v, %v", again, err)
	}
	f.leader, f.have = false, append(members("a b c d"), store.Member{Learner: true, ClientURLs: []string{"https://l"}})
	f.have[0].ClientURLs = []string{"https://a:2379"}
	if again, err := once(); again || err != nil || !slices.Equal(f.endpoints, []string{"https://a:2379"}) {
		t.Errorf("not the leader: %v, %v, endpoints %v", again, err, f.endpoints)
	}
	// The loop ends with its context, at once.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	v.Run(ctx)
}
