package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/api"
)

// What an intruder says once it is connected: to the gRPC ports the preface of HTTP/2, to the port of the members a
// request for something that members answer.
const (
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	version = "GET /version HTTP/1.1\r\nHost: gd2-peer\r\n\r\n"
)

func sayings() map[string]string {
	return map[string]string{portPeers: preface, portClients: preface, portMembers: version}
}

// TestJoinRefused tries every way into a pool but the right ones, from a host outside. All are refused and logged with
// the host's address, none learns anything, and a host that goes on trying is slowed down.
func TestJoinRefused(t *testing.T) {
	t.Parallel()
	p := newLab(t, lab.Options{Peers: 4})
	p.configure(4, "") // node4 does not know the pool's secret
	p.startAll(4)
	p.members = 3
	p.cli("peer", "probe", "node2")
	p.cli("peer", "probe", "node3")
	p.waitVoters(3)
	p.refused(1, []string{"node4"}, "peer", "probe", "node4")
	tokens := p.badTokens()

	own, stolen := p.certificate(4), p.certificate(3)
	p.admitted(&stolen)
	p.foreign(4, "a certificate of another pool", presenting(&own))
	p.logged(4, "a certificate of another pool", 0, "store") // which tells of an address once a minute
	p.foreign(4, "no certificate", presenting(nil))
	old := presenting(&stolen)
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	p.foreign(4, "TLS 1.2", old)
	p.plaintext()
	p.cli("peer", "detach", "node3")
	p.members = 2
	p.foreign(4, "a revoked certificate", presenting(&stolen))
	p.slowedDown()

	if got := p.poolSize(1); got != 2 {
		t.Errorf("the pool has %d peers", got)
	}
	p.noSecrets(append(tokens, lab.PoolSecret, secretPart(t, p.Peer(1).Path("/var/lib/glusterd2/auth")))...)
}

// badTokens tries tokens that are not good any more from node4, and returns them.
func (p pool) badTokens() []string {
	p.t.Helper()
	used := strings.Fields(p.cli("peer", "token"))[0]
	p.cliOn(4, p.joining(4, used)...)
	p.cli("peer", "detach", "node4")
	p.reset(4)
	p.refused(4, []string{"token"}, p.joining(4, used)...)
	brief, err := p.rest(1).PeerToken(p.t.Context(), api.PeerTokenReq{TTLSeconds: 1})
	p.must(err)
	end, err := time.Parse(time.RFC3339, brief.ExpiresAt)
	p.must(err)
	p.eventually(20*time.Second, func(context.Context) error {
		if left := time.Until(end); left > -time.Second { // ExpiresAt may be cut to whole seconds
			return fmt.Errorf("the token is good for %v", left)
		}
		return nil
	})
	p.refused(4, []string{"token", "expired"}, p.joining(4, brief.Token)...)
	return []string{used, brief.Token}
}

// admitted makes sure that the ways that are tried are the right ones: with a good certificate they lead in.
func (p pool) admitted(cert *tls.Certificate) {
	p.t.Helper()
	for port, say := range sayings() {
		got, err := intruder{p.Peer(4), p.Peer(1).Addr + ":" + port}.learns(p.t.Context(), withProtocol(presenting(cert), port), say)
		if err != nil || got == "" {
			p.t.Errorf("port %s refuses a member: %q, %v", port, got, err)
		}
	}
	_, err := intruder{p.Peer(4), p.Peer(1).Addr + ":" + portPeers}.call(p.t.Context(), presenting(cert), "RunStep", "{}")
	if err == nil || strings.Contains(err.Error(), string(api.Denied)) {
		p.t.Errorf("a member's call without sense: %v", err)
	}
}

// withProtocol offers the protocol that the port speaks.
func withProtocol(cfg *tls.Config, port string) *tls.Config {
	if port == portMembers {
		cfg = cfg.Clone()
		cfg.NextProtos = nil
	}
	return cfg
}

// foreign tries all ports of node1 from another host, with a TLS configuration that must not do, and the calls of the peers' protocol.
func (p pool) foreign(from int, what string, cfg *tls.Config) {
	p.t.Helper()
	_, mark := p.logSince(1, 0)
	for port, say := range sayings() {
		if port == portPeers {
			continue // strangers may connect, in order to join; what they may call is tried below
		}
		got, err := intruder{p.Peer(from), p.Peer(1).Addr + ":" + port}.learns(p.t.Context(), withProtocol(cfg, port), say)
		if got != "" {
			p.t.Errorf("%s: port %s answers: %q", what, port, got)
		}
		p.t.Logf("%s: port %s: %v", what, port, err)
	}
	for _, method := range []string{"RunStep", "StartMember", "StopMember", "Renew", "Leave", "Report", "NoSuch"} {
		ctx, cancel := context.WithTimeout(p.t.Context(), 15*time.Second)
		got, err := intruder{p.Peer(from), p.Peer(1).Addr + ":" + portPeers}.call(ctx, cfg, method, "{}")
		cancel()
		if err == nil {
			p.t.Errorf("%s: %s is carried out: %s", what, method, got)
		} else if words := strings.ToLower(err.Error()); !containsAny(words, "denied", "certificate", "tls", "unimplemented", "eof", "reset", "broken pipe") {
			p.t.Errorf("%s: %s: %v", what, method, err)
		}
	}
	p.logged(from, what, mark, "peerrpc")
}

func containsAny(text string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// logged waits until a part of node1 has logged the address of an intruder.
func (p pool) logged(from int, what string, mark int, component string) {
	p.t.Helper()
	err := lab.Eventually(p.t.Context(), 5*time.Second, func(context.Context) error {
		text, _ := p.logSince(1, mark)
		for line := range strings.Lines(text) {
			if strings.Contains(line, p.Peer(from).Addr) && strings.Contains(line, "component="+component) && !strings.Contains(line, "level=debug") {
				return nil
			}
		}
		return fmt.Errorf("%s: %s of node1 does not log %s", what, component, p.Peer(from).Addr)
	})
	if err != nil {
		p.t.Error(err)
	}
}

// plaintext speaks without TLS to the ports that know only TLS.
func (p pool) plaintext() {
	p.t.Helper()
	_, mark := p.logSince(1, 0)
	for port := range sayings() {
		for _, say := range []string{version, preface, "\x00\x00\x00\x00\x00\x00\x00\x00"} {
			got, err := intruder{p.Peer(4), p.Peer(1).Addr + ":" + port}.learnsPlainly(p.t.Context(), say)
			// An alert of TLS, and Go's word that this is an HTTPS server, tell nothing.
			if got != "" && got[0] != 0x15 && !strings.HasPrefix(got, "HTTP/1.0 400 ") {
				p.t.Errorf("port %s answers in plaintext: %q", port, got)
			}
			if err != nil && strings.Contains(err.Error(), "timeout") {
				p.t.Errorf("port %s holds a connection in plaintext: %v", port, err)
			}
		}
	}
	p.logged(4, "plaintext", mark, "peerrpc")
}

// slowedDown goes on trying tokens until the pool has enough of it. Members are not slowed down.
func (p pool) slowedDown() {
	p.t.Helper()
	i := intruder{p.Peer(4), p.Peer(1).Addr + ":" + portPeers}
	p.eventually(30*time.Second, func(ctx context.Context) error {
		_, err := i.call(ctx, presenting(nil), "Join", `{"token-id":"x","secret":"y"}`)
		if err == nil || !strings.Contains(err.Error(), string(api.TooMany)) {
			return fmt.Errorf("not slowed down: %w", err)
		}
		return nil
	})
	p.cliOn(2, "volume", "create", "after", "node1:/srv/after", "node2:/srv/after")
}

// secretPart is the text of a file that holds a secret.
func secretPart(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// noSecrets looks for secrets where all users of a peer may look: logs, arguments of processes, files open to all.
func (p pool) noSecrets(secrets ...string) {
	p.t.Helper()
	look := func(where string, text []byte) {
		for i, s := range append(secrets, "PRIVATE KEY") {
			if strings.Contains(string(text), s) {
				p.t.Errorf("%s holds secret %d", where, i)
			}
		}
	}
	for _, peer := range p.Peers() {
		for _, root := range []string{"/var/log/glusterfs", "/var/lib/glusterd2", "/run/glusterd2"} {
			err := filepath.WalkDir(peer.Path(root), func(path string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return err
				}
				info, err := d.Info()
				if err != nil || (info.Mode().Perm()&0o004 == 0 && root != "/var/log/glusterfs") {
					return err
				}
				text, err := os.ReadFile(path)
				look(path, text)
				return err
			})
			p.must(err)
		}
		// The first process is the lab's own, and knows everything.
		args, err := peer.Run(p.t.Context(), "sh", "-c", "for p in /proc/[0-9]*; do [ $p = /proc/1 ] || tr '\\0' ' ' < $p/cmdline; done; true")
		p.must(err)
		look("arguments on "+peer.Name, []byte(args))
	}
}

// reset makes the daemon of a peer that was detached forget its old pool.
func (p pool) reset(n int) {
	p.t.Helper()
	p.cliOn(n, "peer", "reset")
}
