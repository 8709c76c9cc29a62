package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"gd2/glusterd2/commands/events"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/config"
	"gd2/glusterd2/peerrpc"
	"gd2/glusterd2/rest"
	"gd2/glusterd2/sunrpc"
)

// openDirs makes the daemon's directories.
func (s *Server) openDirs() error {
	for dir, mode := range map[string]fs.FileMode{
		s.cfg.LocalStateDir: 0o755, s.cfg.RunDir: 0o755, s.cfg.LogDir: 0o755, filepath.Join(s.cfg.LogDir, "bricks"): 0o755,
	} {
		if err := os.MkdirAll(dir, mode); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) listen(ctx context.Context) (err error) {
	var lc net.ListenConfig
	open := func(key, network, address string) net.Listener {
		if err != nil {
			return nil
		}
		l, lerr := lc.Listen(ctx, network, address)
		if lerr != nil {
			err = fmt.Errorf("%s: %w", key, lerr)
		}
		return l
	}
	s.listeners.client = open("clientaddress", "tcp", s.cfg.ClientAddress)
	s.listeners.peer = open("peeraddress", "tcp", s.cfg.PeerAddress)
	if err == nil {
		err = clearSocket(ctx, s.socket(), "another glusterd2 serves %s: give this one a rundir of its own")
	}
	s.listeners.unix = open("rundir", "unix", s.socket())
	if s.cfg.GlusterdSocket != "" {
		if err == nil {
			err = clearSocket(ctx, s.cfg.GlusterdSocket, "another daemon serves %s: stop it (systemctl stop glusterd), or give glusterd-socket another path or none in the configuration")
		}
		s.listeners.gluster = open("glusterd-socket", "unix", s.cfg.GlusterdSocket)
	}
	s.onStop("listeners: nothing new comes in", func(context.Context) error {
		for _, l := range []net.Listener{s.listeners.client, s.listeners.peer, s.listeners.unix, s.listeners.gluster} {
			if l == nil {
				continue
			}
			if cerr := l.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
				return cerr
			}
		}
		return nil
	})
	return err
}

// clearSocket removes the socket of a daemon that is gone, and refuses to take that of one that runs.
func clearSocket(ctx context.Context, path, taken string) error {
	var d net.Dialer
	if c, err := d.DialContext(ctx, "unix", path); err == nil {
		_ = c.Close()
		return fmt.Errorf(taken, path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// serve answers on the sockets.
func (s *Server) serve() error {
	api, err := rest.New(rest.Config{
		Services: rest.Services{
			Volumes: s.volumes, Bricks: s.volumes, Replacing: s.volumes, Rebalance: s.volumes, Diagnosis: s.diagnose, Processes: s.diagnose, State: system{s}, Healing: s.heal, Peers: s.peers, Devices: s.devices, Pool: pool{s},
			Shrink:  s.volumes,
			Cluster: volumes.Cluster{Commands: s.volumes}, OptionHelp: s.volumes, Quotas: s.quotas,
			Operations: operations{s.engine, s.engine, s.store}, Planner: planner{}, Events: s.events, Webhooks: events.Webhooks{Commands: s.events},
			System: system{s}, Metrics: system{s}, Renamer: s.volumes, Heketi: s.heketi(),
		},
		Refuse: s.peers.NotInPool, Secret: s.secret.get, NoAuth: !s.cfg.RESTAuth, OpenMetrics: s.cfg.MetricsOpen, Profiling: s.cfg.Profiling,
		History: s.noteCommand, Streams: s.cfg.EventStreams, Others: s.pluginRoute, Log: s.log.Entry("rest"),
	})
	if err != nil {
		return err
	}
	s.http = api.Server()
	s.http.ConnContext = connContext
	s.sunrpc.Offer(s.glusterCommand()...)
	muxConfig := sunrpc.MuxConfig{RPC: s.sunrpc.ServeConn, TLS: s.clientTLS, AllowPlain: s.allowPlain, Log: s.log.Entry("sunrpc")}
	s.mux, s.unixMux = sunrpc.NewMux(s.listeners.client, muxConfig), sunrpc.NewMux(s.listeners.unix, muxConfig)
	s.rpc = peerrpc.NewServer(peerrpc.ServerConfig{TLS: s.net.serverTLS, Member: s.member, Methods: s.methods(), Log: s.log.Entry("peerrpc")})
	s.goRun("peer RPC", func(context.Context) error { return s.rpc.Serve(s.listeners.peer) })
	s.onStop("peer RPC: steps of other coordinators end first", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		s.rpc.Stop(ctx)
		s.net.client.Close()
		return nil
	})
	s.goRun("client port", s.mux.Serve)
	s.goRun("unix socket", s.unixMux.Serve)
	if l := s.listeners.gluster; l != nil {
		err := errors.Join(os.Chmod(s.cfg.GlusterdSocket, 0o600), showQuotaDaemon(s.quota.daemon.PidFile()))
		if err != nil {
			return err
		}
		s.goRun("socket of the gluster command", func(ctx context.Context) error { return s.sunrpc.ServeRoot(ctx, l) })
	}
	for _, m := range []*sunrpc.Mux{s.mux, s.unixMux} {
		s.goRun("REST", func(context.Context) error { return s.http.Serve(m.HTTP()) })
	}
	s.onStop("REST: answers in progress are finished", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := s.http.Shutdown(ctx); err != nil {
			return s.http.Close()
		}
		return nil
	})
	return nil
}

// connContext tells the REST edge where a connection comes from, as the edge that accepted it knows.
func connContext(ctx context.Context, nc net.Conn) context.Context {
	origin, ok := sunrpc.ConnOrigin(nc)
	if !ok {
		return ctx
	}
	return rest.WithOrigin(ctx, rest.Origin{Unix: origin.Unix, UID: int(origin.UID)})
}

// goRun runs a part until the daemon stops. A part that ends on its own is a fault.
func (s *Server) goRun(name string, run func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := run(ctx)
		if ctx.Err() == nil && err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
			select {
			case s.failed <- fmt.Errorf("%s: %w", name, err):
			default:
			}
		}
	}()
	s.onStop(name, func(stopCtx context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-stopCtx.Done():
			return fmt.Errorf("%s did not end in time", name)
		}
	})
}

// clientTLS is how HTTPS and SunRPC over TLS are answered: with the certificate of the configuration, or the peer's own.
func (s *Server) clientTLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if s.cfg.CertFile == "" {
				return s.tls.Certificate()
			}
			c, err := tls.LoadX509KeyPair(s.cfg.CertFile, s.cfg.KeyFile)
			return &c, err
		}}
}

func (s *Server) allowPlain(from net.Addr) bool {
	switch s.cfg.PlainHTTP {
	case config.PlainAll:
		return true
	case config.PlainOff:
		return false
	}
	tcp, ok := from.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
