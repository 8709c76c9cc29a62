package peerrpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gd2/pkg/api"
	"gd2/pkg/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// authority makes certificates for one pool.
type authority struct {
	t *testing.T
	*pki.Authority
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a, err := pki.NewAuthority("pool")
	if err != nil {
		t.Fatal(err)
	}
	return authority{t, a}
}

func (a authority) cert(peerID string) tls.Certificate {
	a.t.Helper()
	key, err := pki.NewKey()
	if err != nil {
		a.t.Fatal(err)
	}
	request, err := pki.NewRequest(key, peerID)
	if err != nil {
		a.t.Fatal(err)
	}
	pem, _, err := a.Sign(request, peerID, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(pem, key)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

func (a authority) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Cert)
	return pool
}

// client dials as the peer, or as a stranger if the id is empty.
func (a authority) client(peerID string) *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: a.roots(), ServerName: pki.ServerName}
	if peerID != "" {
		cert := a.cert(peerID)
		// As the daemon does: whatever the server asks for, this is what there is.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	}
	return cfg
}

type question struct {
	Text string `json:"text"`
}

// serve runs a server with some methods and returns its address.
func serve(t *testing.T, a authority) string {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	cert := a.cert("server")
	s := NewServer(ServerConfig{
		TLS: func() (*tls.Config, error) {
			return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"},
				ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: a.roots()}, nil
		},
		Member: func(peerID, serial string) error {
			if peerID == "gone" || serial == "" {
				return api.Errorf(api.Denied, "peer %s is not in the pool", peerID)
			}
			return nil
		},
		Methods: []Method{
			Handle("Echo", false, func(_ context.Context, from Caller, q question) (question, error) {
				return question{q.Text + " from " + from.PeerID}, nil
			}),
			Handle("Open", true, func(_ context.Context, from Caller, q question) (question, error) {
				return question{q.Text + " from " + from.String()}, nil
			}),
			Handle("Fail", false, func(_ context.Context, _ Caller, q question) (question, error) { return question{}, failure(q.Text) }),
			Handle("Panic", false, func(context.Context, Caller, question) (question, error) { panic("a fault") }),
			Handle("Wait", false, func(ctx context.Context, _ Caller, _ question) (question, error) {
				<-ctx.Done()
				return question{}, ctx.Err()
			}),
		},
		Log: logrus.NewEntry(log),
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(l); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s.Stop(ctx)
		wg.Wait()
	})
	return l.Addr().String()
}

// failure is an error of every sort that methods return.
func failure(text string) error {
	switch text {
	case "plain":
		return errors.New("a plain error")
	case "deadline":
		return fmt.Errorf("waited: %w", context.DeadlineExceeded)
	case "canceled":
		return fmt.Errorf("stopped: %w", context.Canceled)
	case "joined":
		return errors.Join(api.Errorf(api.NotFound, "nothing there"), errors.New("and more"))
	case "causes":
		e := api.Errorf(api.Unavailable, "several")
		e.Causes = []*api.Error{api.Errorf(api.State, "one").With(api.FieldPeer, "p1")}
		return e
	}
	return api.Errorf(api.Kind(text), "of kind %s, with \"quotes\" and ünïcode\nand lines", text).With("brick", "h:/b").With(api.FieldPeer, "p")
}

func dialAs(t *testing.T, addr string, cfg *tls.Config) *Client {
	t.Helper()
	c := NewClient(ClientConfig{
		TLS: func() (*tls.Config, error) { return cfg, nil },
		Address: func(peerID string) (string, error) {
			if peerID == "nobody" {
				return "", api.Errorf(api.NotFound, "peer %s is not in the pool", peerID)
			}
			return addr, nil
		},
	})
	t.Cleanup(c.Close)
	return c
}

func call(t *testing.T, c *Client, method, text string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	rep, err := Call[question](ctx, c, "server", method, question{text})
	return rep.Text, err
}

func TestCall(t *testing.T) {
	a := newAuthority(t)
	c := dialAs(t, serve(t, a), a.client("p1"))
	if got, err := call(t, c, "Echo", "hello"); err != nil || got != "hello from p1" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Call[question](t.Context(), c, "nobody", "Echo", question{}); !api.IsKind(err, api.NotFound) {
		t.Errorf("unknown peer: %v", err)
	}
	if _, err := call(t, c, "NoSuch", ""); !api.IsKind(err, api.NotSupported) {
		t.Errorf("unknown method: %v", err)
	}
	if _, err := Call[question](t.Context(), c, "server", "Echo", []int{1}); !api.IsKind(err, api.Invalid, api.Internal) {
		t.Errorf("a request of the wrong type: %v", err)
	}
	if _, err := call(t, c, "Echo", strings.Repeat("x", MaxMessage+1)); !api.IsKind(err, api.TooLarge) {
		t.Errorf("a message that is too long: %.200v", err)
	}
	c.Reset()
	if got, err := call(t, c, "Echo", "again"); err != nil || got != "again from p1" {
		t.Errorf("after a reset: %q, %v", got, err)
	}
}

// A client talks to the peer that it means and to no other, and to none whose certificate was revoked.
func TestServerIsWhoItShouldBe(t *testing.T) {
	a := newAuthority(t)
	addr := serve(t, a)
	c := dialAs(t, addr, a.client("p1"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := Call[question](ctx, c, "somebody", "Echo", question{"hello"})
	if !api.IsKind(err, api.Unavailable) || !strings.Contains(err.Error(), "the server is peer") {
		t.Errorf("a call to another peer at the same address: %v", err)
	}
	var refused []string
	c = dialAs(t, addr, a.client("p1"))
	c.cfg.Refuse = func(peerID, serial string) error {
		refused = append(refused, peerID+" "+serial)
		return api.Errorf(api.Denied, "the certificate of peer %s was revoked", peerID)
	}
	_, err = Call[question](ctx, c, "server", "Echo", question{"hello"})
	if !api.IsKind(err, api.Unavailable) || !strings.Contains(err.Error(), "was revoked") || len(refused) == 0 {
		t.Errorf("a call to a peer whose certificate was revoked: %v, asked about %q", err, refused)
	}
	foreign := newAuthority(t)
	c = dialAs(t, addr, foreign.client("p1"))
	if _, err := Call[question](ctx, c, "server", "Echo", question{"hello"}); !api.IsKind(err, api.Unavailable) {
		t.Errorf("a call to a peer of another pool: %v", err)
	}
}

// A peer that has moved is called where it is now.
func TestPeerMoves(t *testing.T) {
	a := newAuthority(t)
	addr := serve(t, a)
	c := dialAs(t, addr, a.client("p1"))
	if got, err := call(t, c, "Echo", "hello"); err != nil {
		t.Errorf("%q, %v", got, err)
	}
	addr2 := serve(t, a)
	c.cfg.Address = func(string) (string, error) { return addr2, nil }
	if got, err := call(t, c, "Echo", "hello"); err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if len(c.conns) != 1 {
		t.Errorf("%d connections to one peer", len(c.conns))
	}
}

func TestErrorsKeepTheirKind(t *testing.T) {
	a := newAuthority(t)
	c := dialAs(t, serve(t, a), a.client("p1"))
	for _, k := range []api.Kind{api.Invalid, api.NotFound, api.Exists, api.Conflict, api.State, api.Forbidden, api.Denied, api.TooMany,
		api.TooLarge, api.NotSupported, api.Unavailable, api.Timeout, api.Internal} {
		_, err := call(t, c, "Fail", string(k))
		want := api.AsError(failure(string(k)))
		if got := api.AsError(err); got == nil || got.Kind != k || got.Message != want.Message || fmt.Sprint(got.Fields) != fmt.Sprint(want.Fields) {
			t.Errorf("%s came as %#v", k, got)
		}
	}
	for text, kind := range map[string]api.Kind{"plain": api.Internal, "deadline": api.Timeout, "joined": api.NotFound, "causes": api.Unavailable} {
		if _, err := call(t, c, "Fail", text); !api.IsKind(err, kind) {
			t.Errorf("%s came as %v", text, err)
		}
	}
	_, err := call(t, c, "Fail", "causes")
	if e := api.AsError(err); len(e.Causes) != 1 || e.Causes[0].Kind != api.State || e.Causes[0].Fields[api.FieldPeer] != "p1" {
		t.Errorf("causes came as %#v", e.Causes)
	}
	if _, err := call(t, c, "Fail", "canceled"); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled came as %v", err)
	}
}

func TestPanicsAreContained(t *testing.T) {
	a := newAuthority(t)
	c := dialAs(t, serve(t, a), a.client("p1"))
	if _, err := call(t, c, "Panic", ""); !api.IsKind(err, api.Internal) || strings.Contains(err.Error(), "a fault") {
		t.Errorf("panic came as %v", err)
	}
	if _, err := call(t, c, "Echo", ""); err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

func TestDeadline(t *testing.T) {
	a := newAuthority(t)
	c := dialAs(t, serve(t, a), a.client("p1"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Call[question](ctx, c, "server", "Wait", question{}); !api.IsKind(err, api.Timeout) {
		t.Errorf("deadline: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := Call[question](ctx, c, "server", "Wait", question{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWhoMayCall(t *testing.T) {
	a, foreign := newAuthority(t), newAuthority(t)
	addr := serve(t, a)
	stranger := a.client("")
	expect := func(what string, cfg *tls.Config, method string, kinds ...api.Kind) {
		t.Helper()
		got, err := call(t, dialAs(t, addr, cfg), method, "x")
		if len(kinds) == 0 && err != nil || len(kinds) > 0 && !api.IsKind(err, kinds...) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	expect("without a certificate", stranger, "Echo", api.Denied)
	expect("without a certificate, open", stranger, "Open")
	expect("not a member", a.client("gone"), "Echo", api.Denied)
	expect("not a member, open", a.client("gone"), "Open")
	intruder := foreign.client("p1")
	intruder.RootCAs = a.roots()
	expect("certificate of another pool", intruder, "Echo", api.Denied, api.Unavailable)
	expect("certificate of another pool, open", intruder, "Open", api.Denied, api.Unavailable)
	expect("server of another pool", foreign.client("p1"), "Echo", api.Denied, api.Unavailable)
	expect("plain TLS 1.2", &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, InsecureSkipVerify: true}, "Open", api.Denied, api.Unavailable)
}

func TestOpenMethodsAreLimited(t *testing.T) {
	a := newAuthority(t)
	addr := serve(t, a)
	s, err := DialStranger(addr, a.client(""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	refused := 0
	for range 3 * openBurst {
		_, state, err := CallStranger[question](t.Context(), s, "Open", question{})
		switch {
		case api.IsKind(err, api.TooMany):
			refused++
		case err != nil:
			t.Fatal(err)
		case state.Version != tls.VersionTLS13:
			t.Errorf("TLS state %+v", state)
		}
	}
	if refused < openBurst {
		t.Errorf("%d of %d calls refused", refused, 3*openBurst)
	}
	if _, err := call(t, dialAs(t, addr, a.client("p1")), "Echo", ""); err != nil {
		t.Errorf("members are not limited: %v", err)
	}
}

func TestLimiterForgets(t *testing.T) {
	s := &Server{tries: map[string]*tried{}}
	for i := range 3 * openAddresses {
		s.allow(fmt.Sprint(i))
	}
	if n := len(s.tries); n > openAddresses {
		t.Errorf("%d addresses are remembered", n)
	}
}

// The flood of an attacker with many addresses must not make the limiter forget who is over the limit just now.
func TestLimiterKeepsOffenders(t *testing.T) {
	s := &Server{tries: map[string]*tried{}}
	for range openBurst {
		s.allow("offender")
	}
	for i := range 2 * openAddresses {
		s.allow(fmt.Sprint(i))
		if i%100 == 0 && s.allow("offender") && i < openAddresses {
			t.Fatalf("after %d other addresses the offender is let in", i)
		}
	}
}

// Whoever is not there is noticed within seconds, whether the host answers or not.
func TestUnreachable(t *testing.T) {
	a := newAuthority(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for what, addr := range map[string]string{"closed": closed.Addr().String(), "silent": silent.Addr().String(), "no such host": "no-such-host.invalid:1"} {
		t.Run(what, func(t *testing.T) {
			began := time.Now()
			_, err := call(t, dialAs(t, addr, a.client("p1")), "Echo", "")
			if !api.IsKind(err, api.Unavailable) || !strings.Contains(err.Error(), addr) {
				t.Errorf("%v", err)
			}
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("noticed after %v", took)
			}
		})
	}
}

// A peer that comes back is reached by the same client, without a long pause.
func TestReconnect(t *testing.T) {
	a := newAuthority(t)
	addr := serve(t, a)
	relay := newRelay(t, addr)
	c := dialAs(t, relay.addr, a.client("p1"))
	if _, err := call(t, c, "Echo", ""); err != nil {
		t.Fatal(err)
	}
	relay.cut()
	began := time.Now()
	for {
		_, err := call(t, c, "Echo", "")
		if err == nil {
			break
		}
		if !api.IsKind(err, api.Unavailable) || time.Since(began) > 10*time.Second {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
	}
}

// relay passes connections on until they are cut.
type relay struct {
	addr string
	mu   sync.Mutex
	open []net.Conn
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			r.mu.Lock()
			r.open = append(r.open, in, out)
			r.mu.Unlock()
			wg.Go(func() { _, _ = io.Copy(in, out) })
			wg.Go(func() { _, _ = io.Copy(out, in) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		r.cut()
		wg.Wait()
	})
	return r
}

func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.open {
		_ = c.Close()
	}
	r.open = nil
}
