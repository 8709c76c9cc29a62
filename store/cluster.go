package store

import (
	"context"
	"fmt"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Two stores of one pool can exist: one that was recovered on a peer, and what is left of the former, at the addresses of
// the other. Their members have the same certificates and are in each other's lists. So a client says with each request
// which store it means, by the number of etcd's cluster, and a member of another refuses it. Without that a client would
// read and write now here, now there.
const clusterKey = "gd2-store"

// mark adds to a request which store is meant, if that is known.
func (s *session) mark(ctx context.Context) context.Context {
	if id := s.cluster.Load(); id != 0 {
		return metadata.AppendToOutgoingContext(ctx, clusterKey, clusterName(id))
	}
	return ctx
}

func clusterName(id uint64) string { return fmt.Sprintf("%x", id) }

// unary marks a request. A session that does not know its store takes that of the first answer.
func (s *session) unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(s.mark(ctx), method, req, reply, conn, opts...)
	if h, ok := reply.(interface {
		GetHeader() *etcdserverpb.ResponseHeader
	}); ok && err == nil && h.GetHeader().GetClusterId() != 0 {
		s.cluster.CompareAndSwap(0, h.GetHeader().GetClusterId())
	}
	return err
}

// stream marks a stream, such as a watch.
func (s *session) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return open(s.mark(ctx), desc, conn, method, opts...)
}

// meant refuses a request that means another store.
func (sv *server) meant(ctx context.Context) error {
	md, _ := metadata.FromIncomingContext(ctx)
	for _, name := range md.Get(clusterKey) {
		if own := sv.cluster(); own != 0 && name != clusterName(own) {
			return status.Error(codes.Unavailable, "this is a member of another store: the pool was recovered, here or there")
		}
	}
	return nil
}

// cluster is the number of etcd's cluster; 0 before it is known.
func (sv *server) cluster() uint64 {
	if es := sv.started.Load(); es != nil {
		return uint64(es.Cluster().ID())
	}
	return 0
}

// meantUnary and meantStream are meant for etcd's gRPC server.
func (sv *server) meantUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if err := sv.meant(ctx); err != nil {
		return nil, err
	}
	return handle(ctx, req)
}

func (sv *server) meantStream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	if err := sv.meant(ss.Context()); err != nil {
		return err
	}
	if info.FullMethod == watchMethod {
		stream, end := holdBack(ss)
		defer end()
		ss = stream
	}
	return handle(srv, ss)
}

// expect tells a session which store it is for: that of this peer's own member, or the one it was in last.
func (s *Store) expect(sess *session) {
	id := s.state.Cluster
	if sv := s.server.Load(); sv != nil {
		id = sv.cluster()
	}
	sess.cluster.Store(id)
}

// keepCluster records which store this peer has found, for its next start.
func (s *Store) keepCluster() {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.session.Load().cluster.Load()
	if s.closed || s.cfg.NoEmbed || id == 0 || id == s.state.Cluster {
		return
	}
	next := s.state
	next.Cluster = id
	if err := next.save(s.cfg.Dir); err != nil {
		s.log.WithError(err).Warn("the number of the store's cluster cannot be kept")
		return
	}
	s.state = next
}

// Cluster is the number of the store that this peer uses: it changes when the pool's store is recovered. It is 0 before
// the first answer.
func (s *Store) Cluster() uint64 { return s.session.Load().cluster.Load() }
