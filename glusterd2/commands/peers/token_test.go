package peers

import (
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/pkg/pki"
	"gd2/store"
)

// token makes a join token and takes it apart.
func (r *rig) token() peer.Token {
	r.t.Helper()
	made, err := r.c.Token(r.t.Context(), api.PeerTokenReq{})
	if err != nil {
		r.t.Fatal(err)
	}
	token, err := peer.ParseToken(made.Token)
	if err != nil {
		r.t.Fatal(err)
	}
	return token
}

func TestToken(t *testing.T) {
	r := newRig(t)
	for _, ttl := range []int{-1, int(peer.MaxTokenTTL.Seconds()) + 1, 1 << 40, 18446744074} {
		_, err := r.c.Token(t.Context(), api.PeerTokenReq{TTLSeconds: ttl})
		refused(t, err, api.Invalid, "ttl-seconds")
	}
	made, err := r.c.Token(t.Context(), api.PeerTokenReq{TTLSeconds: 60})
	if err != nil {
		t.Fatal(err)
	}
	expires, err := time.Parse(time.RFC3339, made.ExpiresAt)
	if left := time.Until(expires); err != nil || left > time.Minute || left < 30*time.Second {
		t.Errorf("expires at %s, %v", made.ExpiresAt, err)
	}
	token, err := peer.ParseToken(made.Token)
	if err != nil || len(token.Addresses) != 1 || token.Addresses[0] != "10.0.0.1:24008" {
		t.Errorf("token %+v, %v", token, err)
	}
	stored, ok, err := peer.Tokens.Get(r.store, token.ID)
	if err != nil || !ok || strings.Contains(fmt.Sprint(stored), token.Secret) {
		t.Errorf("stored %+v, %v", stored, err)
	}
}

// fill stores tokens that nobody made.
func (r *rig) fill(n int, expires time.Time) {
	r.t.Helper()
	for start := 0; start < n; start += 500 {
		r.commit(func() (w []store.Write) {
			for i := start; i < min(start+500, n); i++ {
				w = append(w, peer.Tokens.Create(fmt.Sprintf("%s-%d", expires.Format("150405"), i), peer.StoredToken{Hash: "x", ExpiresAt: expires}))
			}
			return w
		})
	}
}

func TestTooManyTokens(t *testing.T) {
	r := newRig(t)
	r.fill(maxTokens, time.Now().Add(time.Hour))
	_, err := r.c.Token(t.Context(), api.PeerTokenReq{})
	refused(t, err, api.TooMany, "")
}

// Expired tokens go when new ones are made, also by several requests at once.
func TestExpiredTokensGo(t *testing.T) {
	r := newRig(t)
	r.fill(maxCleared+10, time.Now().Add(-time.Hour))
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { _, errs[i] = r.c.Token(t.Context(), api.PeerTokenReq{}) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	r.token()
	r.token()
	left, err := peer.Tokens.List(r.store)
	if err != nil || len(left) != len(errs)+2 {
		t.Errorf("%d tokens are left, %v", len(left), err)
	}
}

func TestAdmit(t *testing.T) {
	r := newRig(t)
	token := r.token()
	req := r.joinRequest(token, testPeer(2, id2))
	req.Peer.Leaving, req.Peer.Certificate = true, "forged"
	reply, err := r.c.Admit(t.Context(), "10.0.0.2", req)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := pki.ParseCertificate(reply.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(reply.Authority)
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: pki.ServerName}); err != nil || cert.Subject.CommonName != id2 {
		t.Errorf("certificate of %s: %v", cert.Subject, err)
	}
	got, ok := r.record(id2)
	if !ok || got.Certificate != cert.SerialNumber.Text(16) || got.Leaving || reply.PoolID != r.poolID || len(reply.Endpoints) == 0 {
		t.Errorf("record %+v, reply %+v", got, reply)
	}
	// The answer may be lost: the same peer may ask again, until it was seen at work.
	if again, err := r.c.Admit(t.Context(), "10.0.0.2", req); err != nil || len(again.Certificate) == 0 {
		t.Errorf("the same peer with the same token: %v", err)
	}
	// Used tokens, wrong secrets and unknown ids are told alike.
	used := req
	used.Peer = testPeer(3, id3)
	forged := req
	forged.Secret = "guessed"
	unknown := req
	unknown.TokenID = "nobody's"
	wrong := r.joinRequest(r.token(), testPeer(3, id3))
	wrong.Secret = token.Secret
	for _, bad := range []peer.JoinRequest{used, forged, unknown, wrong} {
		_, err := r.c.Admit(t.Context(), "10.0.0.2", bad)
		if refused(t, err, api.Denied, ""); err.Error() != peer.ErrNoToken().Error() {
			t.Errorf("the refusal tells too much: %v", err)
		}
	}
}

func TestAdmitExpired(t *testing.T) {
	r := newRig(t)
	token, err := peer.NewToken("a", []string{"10.0.0.1:24008"})
	if err != nil {
		t.Fatal(err)
	}
	r.commit(func() []store.Write {
		return []store.Write{peer.Tokens.Create(token.ID, token.Stored(time.Now().Add(-time.Second)))}
	})
	_, err = r.c.Admit(t.Context(), "10.0.0.2", r.joinRequest(token, testPeer(2, id2)))
	refused(t, err, api.Denied, "")
}

// One token lets one peer in, however many come at once.
func TestAdmitRace(t *testing.T) {
	r := newRig(t)
	token := r.token()
	reqs := []peer.JoinRequest{r.joinRequest(token, testPeer(2, id2)), r.joinRequest(token, testPeer(3, id3))}
	errs := make([]error, len(reqs))
	var wg sync.WaitGroup
	for i := range reqs {
		wg.Go(func() { _, errs[i] = r.c.Admit(t.Context(), "10.0.0.9", reqs[i]) })
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("%v and %v", errs[0], errs[1])
	}
}

func TestAdmitRefusals(t *testing.T) {
	r := newRig(t)
	r.add(testPeer(3, id3), true)
	for what, c := range map[string]struct {
		change func(*peer.JoinRequest)
		kind   api.Kind
		field  string
	}{
		"id":           {func(q *peer.JoinRequest) { q.Peer.ID = "../x" }, api.Invalid, "id"},
		"name":         {func(q *peer.JoinRequest) { q.Peer.Name = "a\nb" }, api.Invalid, "name"},
		"host":         {func(q *peer.JoinRequest) { q.Peer.Host = "a b" }, api.Invalid, "address"},
		"host option":  {func(q *peer.JoinRequest) { q.Peer.Host = "-x" }, api.Invalid, "address"},
		"peer address": {func(q *peer.JoinRequest) { q.Peer.PeerAddress = "10.0.0.2" }, api.Invalid, "peer-address"},
		"control":      {func(q *peer.JoinRequest) { q.Peer.ClientAddress = "a\n:1" }, api.Invalid, "client-address"},
		"port":         {func(q *peer.JoinRequest) { q.Peer.ClientAddress = "a:99999" }, api.Invalid, "client-address"},
		"store URL":    {func(q *peer.JoinRequest) { q.Peer.StorePeerURLs = []string{"http://a:1"} }, api.Invalid, "store-urls"},
		"metadata": {func(q *peer.JoinRequest) {
			q.Peer.Metadata = map[string]string{"a": strings.Repeat("x", api.MaxMetadata)}
		}, api.Invalid, "metadata"},
		"request":       {func(q *peer.JoinRequest) { q.Request = []byte("-----BEGIN x") }, api.Invalid, "request"},
		"in the pool":   {func(q *peer.JoinRequest) { q.Peer = testPeer(3, id3) }, api.Exists, ""},
		"taken address": {func(q *peer.JoinRequest) { q.Peer.PeerAddress = "10.0.0.3:24008" }, api.Exists, ""},
	} {
		t.Run(what, func(t *testing.T) {
			req := r.joinRequest(r.token(), testPeer(2, id2))
			c.change(&req)
			_, err := r.c.Admit(t.Context(), "10.0.0.2", req)
			refused(t, err, c.kind, c.field)
			if _, ok, _ := peer.Tokens.Get(r.store, req.TokenID); !ok {
				t.Error("the refusal used the token up")
			}
		})
	}
	if _, ok := r.record(id2); ok {
		t.Error("a refused peer is in the pool")
	}
}

// A peer whose join broke off can join again; one that holds bricks cannot.
func TestAdmitAgain(t *testing.T) {
	r := newRig(t)
	r.add(testPeer(2, id2), false)
	if _, err := r.c.Admit(t.Context(), "10.0.0.2", r.joinRequest(r.token(), testPeer(2, id2))); err != nil {
		t.Error(err)
	}
	r.brick("gv", id2)
	_, err := r.c.Admit(t.Context(), "10.0.0.2", r.joinRequest(r.token(), testPeer(2, id2)))
	refused(t, err, api.Exists, "")
}

func TestRenew(t *testing.T) {
	r := newRig(t)
	r.add(testPeer(2, id2), true)
	before, _ := r.record(id2)
	reply, err := r.c.Renew(t.Context(), id2, peer.RenewRequest{Request: r.joinRequest(peer.Token{}, before).Request})
	if err != nil || len(reply.Certificate) == 0 {
		t.Fatal(err)
	}
	if after, _ := r.record(id2); after.Certificate == before.Certificate {
		t.Error("the record has the old certificate")
	}
	_, err = r.c.Renew(t.Context(), id3, peer.RenewRequest{})
	refused(t, err, api.NotFound, "")
}
