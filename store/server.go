package store

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"gd2/pkg/api"
)

// Settings of the embedded server, with what they weigh against each other.
const (
	// tickMs and electionMs: a leader is missed after one to two seconds. Shorter times make elections out of slow disks.
	tickMs, electionMs = 100, 1000
	// snapshotCount entries of the raft log are kept on disk before a snapshot replaces them: those are gone through at every start.
	// catchUp of them are kept in memory, a few KB each, for members that are behind: one that lacks more gets the database.
	snapshotCount, catchUp = 5000, 1000
	// maxRequestBytes is etcd's own limit of a request; maxCommitBytes is ours and is met first.
	maxRequestBytes = 3 << 19
	// maxLearners lets a pool of one grow to three voters in one go: with etcd's one learner at a time the third member
	// has to wait until the second has voted for a while.
	maxLearners = 3
	// minPing allows the keepalive of our clients, which gRPC does not let ping more often than every ten seconds.
	minPing = 5 * time.Second
)

// server is the embedded etcd server.
type server struct {
	etcd *embed.Etcd
	// started is etcd's server once it has one; requests may come before StartEtcd has returned.
	started atomic.Pointer[etcdserver.EtcdServer]
	dir     string
	log     *logrus.Entry
	// quota is the most that the database may take, in bytes.
	quota int64

	ending  atomic.Bool
	over    chan struct{} // closed when stop begins
	foreign sync.Once     // tells the log that the other members belong to another cluster
	mu      sync.Mutex
	grpc    []*grpc.Server

	background sync.WaitGroup // what runs beside the server until it ends
}

// startServer starts the server that m describes. It does not wait for a quorum; a server that enters an existing
// cluster for the first time does need an answer from one of the others.
func startServer(cfg Config, clusterID string, m *memberState) (*server, error) {
	sv := &server{dir: filepath.Join(cfg.Dir, m.Dir), log: cfg.Log, quota: cfg.QuotaBytes, over: make(chan struct{})}
	if err := os.MkdirAll(sv.dir, 0o700); err != nil {
		return nil, api.Errorf(api.Internal, "the store's data directory cannot be made: %v", err)
	}
	ec, err := sv.config(cfg, clusterID, m)
	if err != nil {
		return nil, err
	}
	sv.etcd, err = embed.StartEtcd(ec)
	if err != nil {
		return nil, api.Errorf(api.Unavailable, "the store's server does not start (data in %s, peer URLs %s, client URLs %s): %v",
			sv.dir, strings.Join(cfg.ListenPeerURLs, ","), strings.Join(cfg.ListenClientURLs, ","), err)
	}
	sv.started.Store(sv.etcd.Server)
	sv.reserve()
	sv.background.Go(sv.watch)
	sv.background.Go(sv.retire)
	sv.background.Go(sv.campaign)
	return sv, nil
}

func (sv *server) config(cfg Config, clusterID string, m *memberState) (*embed.Config, error) {
	ec := embed.NewConfig()
	ec.Name, ec.Dir = cfg.PeerID, sv.dir
	for _, u := range []struct {
		to   *[]url.URL
		from []string
	}{
		{&ec.ListenPeerUrls, cfg.ListenPeerURLs}, {&ec.ListenClientUrls, cfg.ListenClientURLs},
		{&ec.AdvertisePeerUrls, cfg.AdvertisePeerURLs}, {&ec.AdvertiseClientUrls, cfg.AdvertiseClientURLs},
	} {
		var err error
		if *u.to, err = parseURLs("store", u.from, "https"); err != nil {
			return nil, err
		}
	}
	ec.InitialCluster, ec.InitialClusterToken = initialCluster(m.InitialCluster), clusterID
	ec.ClusterState = embed.ClusterStateFlagNew
	if m.Existing {
		ec.ClusterState = embed.ClusterStateFlagExisting
	}
	tls := transport.TLSInfo{
		CertFile: cfg.TLS.Cert, KeyFile: cfg.TLS.Key, TrustedCAFile: cfg.TLS.CA,
		ClientCertAuth: true, ServerName: TLSServerName,
		// The CA decides who belongs, and peers dial from any of their addresses.
		SkipClientSANVerify: true,
	}
	if cfg.revoked != nil {
		tls.CRLFile = cfg.revoked.file
	}
	ec.PeerTLSInfo, ec.ClientTLSInfo = tls, tls
	ec.TlsMinVersion = "TLS1.3"

	ec.TickMs, ec.ElectionMs, ec.InitialElectionTickAdvance = tickMs, electionMs, true
	ec.QuotaBackendBytes = cfg.QuotaBytes
	ec.SnapshotCount, ec.SnapshotCatchUpEntries = snapshotCount, catchUp
	ec.MaxRequestBytes, ec.MaxTxnOps = maxRequestBytes, maxCommitOps
	ec.StrictReconfigCheck, ec.MaxLearners = true, maxLearners
	ec.GRPCKeepAliveMinTime = minPing
	ec.EnableGRPCGateway = false
	// With its HTTP on another listener etcd's gRPC has the port for itself: twice as fast as behind Go's HTTP server,
	// and it can be stopped. Nobody uses the HTTP; an abstract unix socket, with TLS as well, needs no port and no file.
	ec.ListenClientHttpUrls = []url.URL{{Scheme: "unixs", Host: "@gd2-store-" + rand.Text()}}
	ec.ServiceRegister = sv.register
	ec.GRPCAdditionalServerOptions = []grpc.ServerOption{
		grpc.Creds(newAcceptCredentials(cfg)), grpc.StaticStreamWindowSize(window), grpc.StaticConnWindowSize(window),
		// A request that outlives its server would find the database closed, and etcd does not expect that.
		grpc.WaitForHandlers(true), grpc.ChainUnaryInterceptor(sv.surviveEnd, sv.meantUnary),
		grpc.ChainStreamInterceptor(sv.meantStream),
	}
	ec.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zapLogger(cfg.Log.WithField("part", "etcd"), logrus.WarnLevel, &sv.ending))
	return ec, nil
}

// initialCluster spells the members as etcd wants them: name=url,name=url.
func initialCluster(members map[string][]string) string {
	var list []string
	for name, urls := range members {
		for _, u := range urls {
			list = append(list, name+"="+u)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

// initialised reports whether the data directory holds a member already, which then starts without asking others.
func (m *memberState) initialised(dir string) bool {
	items, err := os.ReadDir(filepath.Join(dir, m.Dir, "member", "wal"))
	return err == nil && slices.ContainsFunc(items, func(d os.DirEntry) bool { return strings.HasSuffix(d.Name(), ".wal") })
}

// register is called by etcd with each gRPC server that it makes.
func (sv *server) register(g *grpc.Server) {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	sv.grpc = append(sv.grpc, g)
}

// watch logs what the server says when it ends by itself. Of one that was removed, followServer tells.
func (sv *server) watch() {
	for err := range sv.etcd.Err() {
		if err != nil && !sv.ending.Load() && !sv.stopping() {
			sv.log.WithError(err).Error("the store's server has stopped")
		}
	}
}

// retire stops answering clients when the server ends by itself, as one does that was removed from the cluster. Else it
// would go on telling the watches of other peers that nothing happens, and they would not look for another member.
func (sv *server) retire() {
	<-sv.etcd.Server.StopNotify()
	if !sv.ending.Load() {
		sv.stopServing()
	}
}

// surviveEnd answers a request that has met the end of the server. Any other panic is a fault, and ends the process.
func (sv *server) surviveEnd(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if !sv.ending.Load() && (sv.started.Load() == nil || sv.running()) {
			panic(p)
		}
		resp, err = nil, status.Error(codes.Unavailable, "the store's server is stopping")
	}()
	return handle(ctx, req)
}

// stopServing ends what clients have under way.
func (sv *server) stopServing() {
	sv.mu.Lock()
	servers := slices.Clone(sv.grpc)
	sv.mu.Unlock()
	for _, g := range servers {
		g.Stop()
	}
}

// running reports whether the server has not ended by itself, as one does that was removed from the cluster.
func (sv *server) running() bool {
	select {
	case <-sv.etcd.Server.StopNotify():
		return false
	default:
		return true
	}
}

// id is the number of the member that the server runs.
func (sv *server) id() uint64 { return uint64(sv.etcd.Server.MemberID()) }

// members lists the members as this server knows them; it may be behind.
func (sv *server) members() []Member {
	var members []Member
	for _, m := range sv.etcd.Server.Cluster().Members() {
		members = append(members, Member{ID: uint64(m.ID), PeerID: m.Name, PeerURLs: m.PeerURLs, ClientURLs: m.ClientURLs, Learner: m.IsLearner})
	}
	return members
}

// stopping reports whether the server has begun to end, by itself or not.
func (sv *server) stopping() bool {
	select {
	case <-sv.etcd.Server.StoppingNotify():
		return true
	default:
		return false
	}
}

// stop ends the server and waits until its ports and files are free.
func (sv *server) stop() {
	sv.ending.Store(true)
	close(sv.over)
	select {
	case <-sv.etcd.Server.ReadyNotify():
		// etcd would wait for the watches of other peers, which never end by themselves, until its request timeout.
		sv.stopServing()
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), leadTimeout)
	_ = sv.handOver(ctx) // the others will notice
	cancel()
	// Before Close, which would wait in vain for the client listeners if the server is not ready yet, and up to seven
	// seconds for a successor that is gone.
	sv.etcd.Server.HardStop()
	sv.etcd.Close()
	sv.background.Wait()
}
