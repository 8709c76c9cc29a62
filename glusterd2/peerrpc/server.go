package peerrpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"

	"gd2/pkg/api"
)

// Caller is who makes a call.
type Caller struct {
	// PeerID is the pool member that the caller's certificate names; empty for a caller without a certificate.
	PeerID string
	// Host is the address the call came from.
	Host string
	// TLS is the state of the connection, to which proofs are bound.
	TLS tls.ConnectionState
}

// Method is one call that a peer answers.
type Method struct {
	Name string
	// Open methods may be called without a certificate: those by which a peer joins. They are limited in rate.
	Open   bool
	handle func(ctx context.Context, from Caller, decode func(any) error) (any, error)
}

// Handle makes a Method of a function of its request and reply types.
func Handle[Req, Rep any](name string, open bool, f func(ctx context.Context, from Caller, req Req) (Rep, error)) Method {
	return Method{Name: name, Open: open, handle: func(ctx context.Context, from Caller, decode func(any) error) (any, error) {
		var req Req
		if err := decode(&req); err != nil {
			return nil, api.Errorf(api.Invalid, "%s: the request cannot be read: %v", name, err)
		}
		return f(ctx, from, req)
	}}
}

// ServerConfig says what a Server needs.
type ServerConfig struct {
	// TLS returns the configuration in force; it asks for client certificates and verifies those given.
	TLS func() (*tls.Config, error)
	// Member returns an error unless the certificate with this serial number is that of a present member of the pool.
	Member  func(peerID, serial string) error
	Methods []Method
	Log     *logrus.Entry
}

// Server answers the calls of other peers.
type Server struct {
	cfg  ServerConfig
	grpc *grpc.Server

	mu    sync.Mutex
	tries map[string]*tried
}

// tried is what is remembered of an address that calls open methods.
type tried struct {
	*rate.Limiter
	last time.Time
}

// Open methods: the rate at which one address may call them, and how many addresses are remembered.
const (
	openRate      = 4 // calls a second
	openBurst     = 40
	openAddresses = 4096
)

// NewServer makes a server of the methods.
func NewServer(cfg ServerConfig) *Server {
	s := &Server{cfg: cfg, tries: map[string]*tried{}}
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return cfg.TLS() }}
	s.grpc = grpc.NewServer(
		grpc.Creds(handshake{credentials.NewTLS(tlsConfig), s}), grpc.ForceServerCodec(codec{}), grpc.MaxRecvMsgSize(MaxMessage),
		grpc.ConnectionTimeout(10*time.Second),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 2 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
	)
	desc := &grpc.ServiceDesc{ServiceName: service, HandlerType: (*any)(nil)}
	for _, m := range cfg.Methods {
		desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: m.Name, Handler: s.handler(m)})
	}
	s.grpc.RegisterService(desc, s)
	return s
}

// Serve answers connections of the listener until Stop.
func (s *Server) Serve(l net.Listener) error { return s.grpc.Serve(l) }

// Stop lets calls in progress end, for as long as the context allows, and closes the listeners.
func (s *Server) Stop(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		s.grpc.Stop()
		<-done
	}
}

func (s *Server) handler(m Method) grpc.MethodHandler {
	return func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (rep any, err error) {
		defer func() {
			if p := recover(); p != nil {
				s.cfg.Log.WithField("method", m.Name).Errorf("panic: %v\n%s", p, debug.Stack())
				err = toStatus(api.Errorf(api.Internal, "%s: internal fault", m.Name))
			}
		}()
		from, err := s.caller(ctx, m)
		if err != nil {
			// A peer that was taken out calls again and again: it counts against what its address may ask for.
			if m.Open || s.allow(from.Host) {
				s.cfg.Log.WithFields(logrus.Fields{"method": m.Name, "from": from.Host}).Warnf("call refused: %v", err)
			}
			return nil, toStatus(err)
		}
		rep, err = m.handle(ctx, from, decode)
		return rep, toStatus(err)
	}
}

func (s *Server) caller(ctx context.Context, m Method) (Caller, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return Caller{}, api.Errorf(api.Denied, "a call from nowhere")
	}
	from := Caller{Host: hostOf(p.Addr)}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return from, api.Errorf(api.Denied, "a call without TLS")
	}
	from.TLS = info.State
	if m.Open {
		if !s.allow(from.Host) {
			return from, api.Errorf(api.TooMany, "too many calls from %s", from.Host)
		}
		return from, nil
	}
	if len(info.State.VerifiedChains) == 0 {
		return from, api.Errorf(api.Denied, "the caller has no certificate of this pool")
	}
	cert := info.State.VerifiedChains[0][0]
	from.PeerID = cert.Subject.CommonName
	if err := s.cfg.Member(from.PeerID, cert.SerialNumber.Text(16)); err != nil {
		return from, err
	}
	return from, nil
}

func (s *Server) allow(host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	t, ok := s.tries[host]
	if !ok {
		if len(s.tries) >= openAddresses {
			s.forget(now)
		}
		t = &tried{Limiter: rate.NewLimiter(openRate, openBurst)}
		s.tries[host] = t
	}
	t.last = now
	return t.AllowN(now, 1)
}

// forget makes room: first of addresses whose allowance is full again, which loses nothing, then of the older half.
func (s *Server) forget(now time.Time) {
	maps.DeleteFunc(s.tries, func(_ string, t *tried) bool { return t.TokensAt(now) >= openBurst })
	if len(s.tries) < openAddresses {
		return
	}
	byAge := slices.SortedFunc(maps.Keys(s.tries), func(a, b string) int { return s.tries[a].last.Compare(s.tries[b].last) })
	for _, host := range byAge[:len(byAge)/2] {
		delete(s.tries, host)
	}
}

var _ fmt.Stringer = Caller{}

// String names the caller for logs.
func (c Caller) String() string {
	if c.PeerID != "" {
		return c.PeerID
	}
	return c.Host
}
