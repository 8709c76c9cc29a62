package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// configure replaces a peer's configuration before its daemon starts.
func (p pool) configure(n int, text string) {
	p.t.Helper()
	p.must(os.WriteFile(p.Peer(n).Path("/etc/glusterd2/glusterd2.toml"), []byte(text), 0o600))
}

// refused runs glustercli and fails the test unless it fails and says all of what is wanted.
func (p pool) refused(n int, want []string, args ...string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	out, err := p.Peer(n).CLI(ctx, args...)
	if err == nil {
		p.t.Errorf("%v is carried out on %s: %s", args, p.Peer(n).Name, out)
		return
	}
	for _, w := range want {
		if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(w)) {
			p.t.Errorf("%v on %s: %v\nwant %q in it", args, p.Peer(n).Name, err, w)
		}
	}
}

// joining is the command by which a peer joins with a token, which it has in a file.
func (p pool) joining(n int, token string) []string {
	p.t.Helper()
	const file = "/srv/token"
	p.must(os.WriteFile(p.Peer(n).Path(file), []byte(token+"\n"), 0o600))
	return []string{"peer", "join", file}
}

// poolSize counts the peers of the pool that a peer is in.
func (p pool) poolSize(n int) int {
	p.t.Helper()
	peers, err := p.rest(n).Peers(p.t.Context(), client.Filter{})
	p.must(err)
	return len(peers)
}

// TestJoinProof lets peers into a pool only with the pool secret or a token, and keeps all others as they are.
func TestJoinProof(t *testing.T) {
	p := newLab(t, lab.Options{Peers: 4})
	p.configure(2, "")                                          // node2 has no secret
	p.configure(3, `pool-secret = "another secret altogether"`) // node3 a wrong one; node4 has the right one
	p.startAll(4)
	alone := func(n int) {
		t.Helper()
		if got := p.poolSize(n); got != 1 {
			t.Fatalf("%s is in a pool of %d", p.Peer(n).Name, got)
		}
	}

	p.refused(1, []string{"node2"}, "peer", "probe", "node2")
	p.refused(1, []string{"node3", "secret"}, "peer", "probe", "node3")
	p.refused(1, []string{"node9"}, "peer", "probe", "node9")
	for n := 1; n <= 4; n++ {
		alone(n)
	}

	token := strings.Fields(p.cli("peer", "token"))[0]
	p.refused(2, []string{"token"}, p.joining(2, "rubbish")...)
	p.refused(2, []string{"token"}, p.joining(2, token[:len(token)-4]+"AAAA")...)
	p.refused(2, []string{"argument"}, "peer", "join", token)
	alone(2)
	p.cliOn(2, p.joining(2, token)...)
	if got := p.poolSize(2); got != 2 {
		t.Errorf("node2 is in a pool of %d after it joined", got)
	}
	p.refused(3, []string{"token"}, p.joining(3, token)...) // a token is good once
	alone(3)

	brief, err := p.rest(1).PeerToken(t.Context(), api.PeerTokenReq{TTLSeconds: 1})
	p.must(err)
	end, err := time.Parse(time.RFC3339, brief.ExpiresAt)
	p.must(err)
	p.eventually(20*time.Second, func(context.Context) error {
		if left := time.Until(end); left > -time.Second { // ExpiresAt may be cut to whole seconds
			return fmt.Errorf("the token is good for %v", left)
		}
		return nil
	})
	p.refused(3, []string{"expired"}, p.joining(3, brief.Token)...)
	alone(3)

	p.cliOn(4, "volume", "create", "own", "node4:/srv/own")
	p.refused(1, []string{"node4", "volume"}, "peer", "probe", "node4")
	p.cliOn(4, "volume", "delete", "own")
	p.cli("peer", "probe", "node4")
	p.refused(1, []string{"node4"}, "peer", "probe", "node4")
	p.refused(4, []string{"pool"}, p.joining(4, strings.Fields(p.cli("peer", "token"))[0])...)
	if got := p.poolSize(1); got != 3 {
		t.Errorf("the pool has %d peers", got)
	}
}
