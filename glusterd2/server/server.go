// Package server builds the daemon out of its parts, starts them and stops them. Several servers can live in one process.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/backing"
	"gd2/glusterd2/brick"
	"gd2/glusterd2/commands/devices"
	"gd2/glusterd2/commands/diagnose"
	"gd2/glusterd2/commands/events"
	"gd2/glusterd2/commands/heal"
	"gd2/glusterd2/commands/peers"
	"gd2/glusterd2/commands/quotas"
	"gd2/glusterd2/commands/repair"
	"gd2/glusterd2/commands/tools"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/config"
	"gd2/glusterd2/event"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/peerrpc"
	"gd2/glusterd2/plugin"
	"gd2/glusterd2/portmap"
	"gd2/glusterd2/quota"
	"gd2/glusterd2/rebalance"
	"gd2/glusterd2/selfheal"
	"gd2/glusterd2/sunrpc"
	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/webhook"
	"gd2/glusterd2/workdir"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/pkg/cmdhistory"
	"gd2/pkg/gfrpc"
	"gd2/pkg/logging"
	"gd2/pkg/pki"
	"gd2/store"
	"gd2/transaction"
)

// Server is one daemon.
type Server struct {
	cfg     config.Config
	version string
	log     *logging.Log
	started time.Time
	boot    string

	id       *identity
	tls      *pki.Dir
	store    *store.Store
	net      *network
	registry *transaction.Registry
	engine   *transaction.Engine
	table    *xlator.Table
	peers    *peers.Commands
	volumes  *volumes.Commands
	moves    *repair.Moves
	devices  *devices.Commands
	backing  *backing.Host
	asker    *ask.Asker
	diagnose *diagnose.Commands
	heal     *heal.Commands
	events   *events.Commands
	history  *event.Log
	commands *cmdhistory.Log
	sender   *webhook.Sender
	quotas   *quotas.Commands
	quota    hostQuota
	plane    *volumes.DataPlane
	mover    *rebalance.Runner
	portmap  *portmap.Map
	sunrpc   *sunrpc.Server
	watch    *brick.Supervisor
	library  *volgen.Library
	tools    *tools.Commands
	view     *workdir.View // nil if the records are not shown as files
	quorum   *peer.Quorum
	prover   func() (*peer.Prover, error)
	secret   restSecret
	rival    atomic.Pointer[string] // see rivals
	lost     atomic.Bool            // the store of this peer's pool is gone; see lostStore

	plugins   []plugin.Plugin
	listeners listeners
	mux       *sunrpc.Mux
	unixMux   *sunrpc.Mux
	http      *http.Server
	rpc       *peerrpc.Server
	stop      []stopStep
	failed    chan error
	serving   chan struct{}
}

// listeners are the sockets of the daemon.
type listeners struct{ client, unix, peer, gluster net.Listener }

// SocketName is the name of the unix socket in rundir: REST for root, and SunRPC for the tools of this host.
const SocketName = "glusterd2.socket"

// New opens what the daemon keeps on disk and builds its parts. Nothing listens and nothing runs before Start; Close
// undoes New.
func New(ctx context.Context, cfg config.Config, version string, log *logging.Log, plugins ...plugin.Plugin) (_ *Server, err error) {
	s := &Server{plugins: plugins, cfg: cfg, version: version, log: log, started: time.Now(), boot: uuid.NewString(), failed: make(chan error, 8), serving: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := s.openDirs(); err != nil {
		return nil, err
	}
	if s.id, err = openIdentity(&cfg); err != nil {
		return nil, err
	}
	if s.tls, err = pki.OpenDir(filepath.Join(cfg.LocalStateDir, "tls")); err != nil {
		return nil, err
	}
	if !s.tls.Installed() {
		if err := s.newPool(); err != nil {
			return nil, err
		}
	}
	if err := s.openStore(ctx); err != nil {
		return nil, err
	}
	if s.table, err = xlator.Load(); err != nil {
		return nil, err
	}
	s.prover = sync.OnceValues(s.newProver)
	s.build()
	return s, nil
}

func (s *Server) openStore(ctx context.Context) (err error) {
	cfg := storeConfig(&s.cfg, s.id.Peer(), s.tls, s.version, s.log.Entry("store"))
	cfg.Derive = event.Derive(cfg.PeerID)
	s.store, err = store.Open(ctx, cfg)
	if err != nil {
		return err
	}
	s.onStop("store: last, since everything else reads it", func(context.Context) error { return s.store.Close() })
	return nil
}

// storeConfig is the configuration of the store of a peer with the certificates in dir.
func storeConfig(cfg *config.Config, self peer.Peer, dir *pki.Dir, version string, log *logrus.Entry) store.Config {
	return store.Config{
		PeerID: self.ID, Dir: filepath.Join(cfg.LocalStateDir, "store"),
		ListenPeerURLs: cfg.EtcdPURLs, ListenClientURLs: cfg.EtcdCURLs,
		AdvertisePeerURLs: self.StorePeerURLs, AdvertiseClientURLs: self.StoreClientURLs,
		TLS:     store.TLS{CA: dir.CAFile(), Cert: dir.CertFile(), Key: dir.KeyFile()},
		NoEmbed: cfg.NoEmbed, Endpoints: cfg.EtcdEndpoints, NameOf: peerName, QuotaBytes: int64(cfg.StoreQuota),
		SnapshotEvery: orNone(cfg.SnapshotInterval), SnapshotKeep: cfg.SnapshotKeep, Version: version, Log: log,
	}
}

// orNone spells "no snapshots", an interval of 0 in the configuration, as the store does.
func orNone(interval time.Duration) time.Duration {
	if interval == 0 {
		return -1
	}
	return interval
}

// peerName is what people call a peer, in what the store says about its members.
func peerName(r store.Reader, peerID string) string {
	rec, ok, err := peer.Records.Get(r, peerID)
	if err != nil || !ok {
		return ""
	}
	return rec.Value.Name
}

func (s *Server) newProver() (*peer.Prover, error) {
	if s.joinsOpenly() {
		return peer.OpenProver(), nil
	}
	if s.cfg.PoolSecret == "" {
		return nil, nil //nolint:nilnil // no secret, no prover: callers ask
	}
	return peer.NewProver(s.cfg.PoolSecret.Reveal())
}

// joinsOpenly reports whether this peer asks for no proof of those who invite it.
func (s *Server) joinsOpenly() bool { return s.cfg.Join == config.JoinOpen }

// build makes the parts, from the lowest floor upwards.
func (s *Server) build() {
	self := s.id.Peer().ID
	s.net = newNetwork(s.tls, s.store)
	s.commands = cmdhistory.New(filepath.Join(s.cfg.LogDir, cmdhistory.FileName))
	s.history = event.NewLog(s.store)
	s.onStop("history of events", func(context.Context) error { s.history.Close(); return nil })
	s.sender = webhook.NewSender(s.version)
	s.onStop("connections to webhooks", func(context.Context) error { s.sender.Close(); return nil })
	s.events = events.New(events.Config{Store: s.store, History: s.history, Sender: s.sender, PeerID: self, Log: s.log.Entry("events")})
	s.buildDataPlane(self)
	s.view = s.newView(self)
	registry := transaction.NewRegistry()
	s.registry = registry
	peerOps, volumeOps := peers.Register(registry), volumes.Register(registry, s.plane)
	quotaOps := quotas.Register(registry, s.quota.mounter)
	deviceHost := deviceHost{s.backing, s.mounts()}
	deviceOps := devices.Register(registry, deviceHost)
	engine := transaction.Config{
		Store: s.store, PeerID: self, BootID: s.boot, Registry: registry, Transport: s.net, Log: s.log.Entry("transaction"),
		HostOf: func(peerID string) string { return peer.Hosts(s.store)(peerID) },
		Before: s.before, Logbook: logbook(s.log), History: s.cfg.OperationsKeep, HistoryAge: s.cfg.OperationsKeepFor, KeyAge: s.cfg.KeysKeepFor,
	}
	failpoints(&engine, s.cfg.RunDir)
	s.engine = transaction.NewEngine(engine)
	s.peers = peers.New(peers.Config{
		Store: s.store, Engine: s.engine, Ops: peerOps, Identity: s.id, TLS: s.tls, Lifetime: s.cfg.CertificateLifetime, Network: s.net,
		Prover: s.prover, Open: s.joinsOpenly(), Lost: s.lostStore, Cut: s.store.Cut, Fresh: s.fresh, Quorum: s.refuseWithoutQuorum, Log: s.log.Entry("peers"),
	})
	s.asker = ask.New(ask.Config{PeerID: self, Store: s.store, Call: s.net.Ask})
	s.volumes = volumes.New(volumes.Config{
		Store: s.store, Engine: s.engine, Ops: volumeOps, Host: s.plane, Mover: s.mover, Asker: s.asker, Network: s.net, Table: s.table, PeerID: self, Quorum: s.quorum,
		Unhealed: func(ctx context.Context, name string) ([]api.BrickHealInfo, error) {
			return selfheal.Info{Socket: s.socket()}.HealInfo(ctx, name, "")
		},
		GroupsDir: s.cfg.GroupsDir, Xlators: s.xlatorDir, Log: s.log.Entry("volumes"),
	})
	s.heal = heal.New(heal.Config{
		PeerID: self, Store: s.store, Asker: s.asker, Daemon: s.plane.SelfHeal, Tool: selfheal.Info{Socket: s.socket()}, Options: s.volumes,
	})
	s.moves = &repair.Moves{Store: s.store, Volumes: s.volumes, Heals: s.heal, Settle: healsSettle}
	s.devices = devices.New(devices.Config{Store: s.store, Engine: s.engine, Ops: deviceOps, Host: deviceHost, Asker: s.asker, Moves: s.moves, PeerID: self, Log: s.log.Entry("devices")})
	for _, p := range s.plugins {
		if taker, ok := p.(plugin.Taker); ok {
			taker.Take(s.pluginDaemon(p))
		}
	}
	s.quotas = quotas.New(quotas.Config{
		PeerID: self, Store: s.store, Engine: s.engine, Ops: quotaOps, Host: s.quota.mounter, Local: s.quota, Asker: s.asker, Table: s.table,
		Quorum: s.quorum, Log: s.log.Entry("quota"),
	})
	s.tools = tools.New(tools.Config{
		PeerID: self, Store: s.store, Asker: s.asker, Dir: s.cfg.GlusterdDir, Programs: filepath.Dir(selfheal.InfoProgram),
	})
	s.diagnose = diagnose.New(diagnose.Config{
		PeerID: self, Store: s.store, Asker: s.asker, Bricks: s.plane.Bricks, Options: s.volumes, BrickOp: gfrpc.BrickOp,
		Dump: brick.NewDumper(brick.DumpDir).Dump, DumpClients: s.sunrpc.DumpClients, RotateLog: brick.RotateLog, Xattr: s.quota.mounter.Xattr,
		Daemons: []diagnose.Daemon{{
			Kind: api.ProcessSelfHeal, Name: selfheal.ServiceName, Serves: (*volume.Volume).NeedsSelfHeal, Reach: s.plane.SelfHeal.Reach,
		}, {
			Kind: api.ProcessQuota, Name: quota.ServiceName, Serves: (*volume.Volume).HasQuota, Reach: s.quota.daemon.Reach,
		}},
	})
}

// healsSettle is how long a request for bricks to be moved waits for heals that have almost ended.
const healsSettle = 5 * time.Second

// logbook hears the daemon's log from now on.
func logbook(log *logging.Log) *transaction.Logbook {
	l := transaction.NewLogbook()
	log.Hear(l)
	return l
}

// eventRebalance is the op of EVENT_NOTIFY by which a rebalance process tells how it ended.
const eventRebalance = 0

func (s *Server) buildDataPlane(self string) {
	layout := brick.Layout{RunDir: s.cfg.RunDir, LogDir: s.cfg.LogDir, WorkDir: s.cfg.LocalStateDir}
	s.portmap = portmap.New()
	s.library = volgen.NewLibrary(volgen.LibraryConfig{
		Source: source{s}, Table: s.table, Dir: filepath.Join(s.cfg.LocalStateDir, "vols"), PeerID: self,
		SharedBricks: func(v *volume.Volume, b volume.Brick) int { return s.plane.SharedBricks(v, b) }, PidFile: layout.SelfHealPidFile,
		Coming: func(name string) (*volume.Volume, bool) { return s.plane.Coming(name) },
		Quota:  func() []*volume.Volume { return quotas.Volumes(s.store, self) },
	})
	s.sunrpc = sunrpc.New(sunrpc.Config{
		Volfiles: volfiles{s.library}, Portmap: s.portmap, Volumes: source{s}, IsPeer: s.isPeer, Log: s.log.Entry("sunrpc"),
		Events: func(_ context.Context, op int32, report gfrpc.Dict) {
			if op == eventRebalance {
				s.mover.Report(report)
			}
		},
	})
	s.mover = rebalance.New(rebalance.Config{
		PeerID: self, Host: s.localHost(), Layout: layout, Program: s.cfg.GlusterFS, BrickOp: gfrpc.BrickOp, Log: s.log.Entry("rebalance"),
	})
	s.onStop("rebalances: stop watching; they go on", func(context.Context) error { return s.mover.Close() })
	bricks := brick.NewHost(brick.Config{
		PeerID: self, Layout: layout, Program: s.cfg.GlusterFSD, Address: s.cfg.BrickAddress, SignIns: s.portmap, Ports: brick.NewPorts(0, 0),
		Multiplex: s.multiplex, Volfile: func(b brick.Spec) (string, error) { return brickText(s.library, b) },
		BrickOp: gfrpc.BrickOp, Attachments: s.sunrpc, Log: s.log.Entry("brick"),
	})
	s.onStop("bricks: stop watching; they go on serving", func(context.Context) error { return bricks.Close() })
	heal := selfheal.New(selfheal.Config{
		PeerID: self, Layout: layout, Program: s.cfg.GlusterFS, Host: s.localHost(), BrickOp: gfrpc.BrickOp, Log: s.log.Entry("selfheal"),
	})
	s.backing = backing.New(backing.Config{Mounts: s.mounts(), Locks: filepath.Join(s.cfg.RunDir, "brick-locks"), Log: s.log.Entry("backing")})
	s.quorum = s.newQuorum(self)
	s.plane = &volumes.DataPlane{
		PeerID: self, Store: s.store, OS: brick.System{}, Bricks: bricks, Locks: &brick.Locks{}, SelfHeal: heal, Backing: s.backing, Quorum: s.quorum,
		Repairer: selfheal.Repairer{Program: s.cfg.GlusterFS, Layout: layout}, RepairText: s.repairText, Tasks: s.mover,
	}
	s.quota = s.newHostQuota(self, layout)
	s.plane.Quota = s.quota.daemon
	s.watch = brick.NewSupervisor(brick.SupervisorConfig{
		Host: bricks, Locks: s.plane.Locks, Skip: s.leaveAlone, Log: s.log.Entry("brick"),
	})
}

func (s *Server) socket() string { return filepath.Join(s.cfg.RunDir, SocketName) }

// noteCommand writes down what somebody has asked this peer for, and what became of it.
func (s *Server) noteCommand(command string, failed error) {
	if err := s.commands.Note(command, failed); err != nil {
		s.log.Entry("server").Warnf("the history of commands cannot be written: %v", err)
	}
}

// localHost is the address at which the daemons of this host find this one.
func (s *Server) localHost() string {
	host, _, err := net.SplitHostPort(s.cfg.ClientAddress)
	if ip := net.ParseIP(host); err != nil || host == "" || ip != nil && ip.IsUnspecified() {
		return "localhost"
	}
	return host
}

// Start opens the sockets and starts what runs by itself. It returns when the daemon serves; a fault of a part after
// that comes out of Failed.
func (s *Server) Start(ctx context.Context) error {
	if err := s.listen(ctx); err != nil {
		return err
	}
	if err := s.serve(); err != nil {
		return err
	}
	s.peers.Resume()
	if s.joinsOpenly() {
		s.log.Entry("join").Warnf("join is open: while this peer is alone and has no volumes, whoever reaches %s may take it into a pool without any proof", s.listeners.peer.Addr())
	}
	s.background()
	s.log.Entry("server").Infof("glusterd2 %s serves clients at %s and peers at %s as peer %s", s.version,
		s.listeners.client.Addr(), s.listeners.peer.Addr(), s.id.Peer().ID)
	return nil
}

// Failed tells of a part that ended although it should not.
func (s *Server) Failed() <-chan error { return s.failed }

// Ready is closed once the records of the pool are loaded.
func (s *Server) Ready() <-chan struct{} { return s.store.Ready() }

// Serving is closed once the daemon can answer requests: its records are loaded, and those of a new pool are written.
func (s *Server) Serving() <-chan struct{} { return s.serving }

// Waiting says in words what the daemon waits for until it is ready.
func (s *Server) Waiting() string { return s.store.Waiting() }

// ClientAddr and PeerAddr are where the daemon listens.
func (s *Server) ClientAddr() net.Addr { return s.listeners.client.Addr() }

// PeerAddr is where the daemon listens for other peers.
func (s *Server) PeerAddr() net.Addr { return s.listeners.peer.Addr() }

// stopStep is one step of stopping, with the reason for its place in the order.
type stopStep struct {
	reason string
	do     func(ctx context.Context) error
}

func (s *Server) onStop(reason string, do func(ctx context.Context) error) {
	s.stop = append(s.stop, stopStep{reason, do})
}

// Close stops the daemon, in the reverse order of its start. Bricks and self-heal daemons go on serving.
func (s *Server) Close(ctx context.Context) error {
	var errs []error
	for len(s.stop) > 0 {
		step := s.stop[len(s.stop)-1]
		s.stop = s.stop[:len(s.stop)-1]
		if err := step.do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", step.reason, err))
		}
	}
	return errors.Join(errs...)
}
