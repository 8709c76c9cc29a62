package store

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"gd2/pkg/api"
)

const (
	// keepaliveTime is the shortest that gRPC allows. It matters only to a connection without requests: what was sent
	// and is not acknowledged within keepaliveTimeout ends a connection, too.
	keepaliveTime    = 10 * time.Second
	keepaliveTimeout = 2 * time.Second
	// redialMin and redialMax bound the pause between attempts to reach a member that refuses connections. gRPC's own
	// 1 s and 120 s would keep a pool that is starting waiting.
	redialMin = 50 * time.Millisecond
	redialMax = time.Second
	// window is what a member may send ahead on a connection. With a size that is set gRPC does not measure the line, for
	// which it answers each message with a ping: half of the work where a hundred peers hear of each change.
	window = 4 << 20
	// dialTimeout bounds one attempt.
	dialTimeout = 3 * time.Second
)

// session is the connection to the members of one pool. Going over to another pool is a new session.
type session struct {
	client  *clientv3.Client
	cluster atomic.Uint64 // which store is meant; 0: whichever answers first
	left    chan struct{} // closed when the session has ended
	once    sync.Once
}

// dial makes the client for the endpoints. It does not wait for a connection.
func dial(cfg Config, endpoints []string) (*session, error) {
	if len(endpoints) == 0 {
		return nil, api.Errorf(api.Internal, "the store knows no member to connect to")
	}
	cc := clientv3.Config{
		Endpoints:            endpoints,
		DialTimeout:          dialTimeout, // of etcd's users, whom we have not; it also is the patience with a first lease
		DialKeepAliveTime:    keepaliveTime,
		DialKeepAliveTimeout: keepaliveTimeout,
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: redialMin, Multiplier: 1.6, Jitter: 0.2, MaxDelay: redialMax},
			MinConnectTimeout: dialTimeout,
		}), grpc.WithStaticStreamWindowSize(window), grpc.WithStaticConnWindowSize(window)},
		Logger: zapLogger(cfg.Log.WithField("part", "etcd-client"), logrus.DebugLevel, new(atomic.Bool)),
	}
	if strings.HasPrefix(endpoints[0], "https:") {
		name := TLSServerName
		if cfg.NoEmbed {
			name = "" // an external etcd has certificates of its own, which name its addresses
		}
		cc.DialOptions = append(cc.DialOptions, grpc.WithTransportCredentials(newDialCredentials(cfg.TLS, name)))
	}
	sess := &session{left: make(chan struct{})}
	if !cfg.NoEmbed {
		cc.DialOptions = append(cc.DialOptions, grpc.WithChainUnaryInterceptor(sess.unary), grpc.WithChainStreamInterceptor(sess.stream))
	}
	client, err := clientv3.New(cc)
	if err != nil {
		return nil, api.Errorf(api.Internal, "the client of the store cannot be made for %s: %v", strings.Join(endpoints, ","), err)
	}
	// Now, and not with the first request: etcd's resolver does not bear SetEndpoints while gRPC is setting it up.
	client.ActiveConnection().Connect()
	sess.client = client
	return sess, nil
}

// close ends the session; a request that runs fails.
func (s *session) close() {
	s.once.Do(func() {
		close(s.left)
		_ = s.client.Close() // says only that its own context was cancelled
	})
}
