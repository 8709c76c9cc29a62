package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"gd2/glusterd2/plugin"
	"gd2/glusterd2/rest"
	"gd2/glusterd2/sunrpc"
	"gd2/pkg/api"
)

// Limits of the HTTP servers of plugins. An answer may take long: plugins bound it.
const (
	pluginHeaderTimeout = 10 * time.Second
	pluginBodyTimeout   = 30 * time.Second
	pluginIdleTimeout   = 2 * time.Minute
	pluginMaxHeader     = 16 << 10
)

// pluginRoute returns the plugin's handler for a request that is not one of the daemon's own routes; nil if no plugin has one.
func (s *Server) pluginRoute(r *http.Request) http.Handler {
	for _, p := range s.plugins {
		if web, ok := p.(plugin.Server); ok {
			if h := web.Handler(r); h != nil {
				return h
			}
		}
	}
	return nil
}

// listenFor serves a plugin's handler at an address of its own until the context ends. Whoever configures the address wants it
// to be used as the plugin's clients do, without TLS among others.
func (s *Server) listenFor(ctx context.Context, key, address string, h http.Handler) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	mux := sunrpc.NewMux(l, sunrpc.MuxConfig{
		RPC: func(_ context.Context, nc net.Conn, _ sunrpc.Origin) { _ = nc.Close() },
		TLS: s.clientTLS, AllowPlain: func(net.Addr) bool { return true }, Log: s.log.Entry("http"),
	})
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: pluginHeaderTimeout, ReadTimeout: pluginBodyTimeout, IdleTimeout: pluginIdleTimeout, MaxHeaderBytes: pluginMaxHeader,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(mux.HTTP()) }()
	err = mux.Serve(ctx)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if server.Shutdown(stop) != nil {
		_ = server.Close()
	}
	if serr := <-ended; !errors.Is(serr, http.ErrServerClosed) && !errors.Is(serr, net.ErrClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

// noHeketi answers for a daemon without Heketi's plugin.
type noHeketi struct{}

// Import implements rest.Heketi.
func (noHeketi) Import(context.Context, api.HeketiImportReq) (api.HeketiImport, error) {
	return api.HeketiImport{}, api.Errorf(api.NotSupported, "this daemon was built without Heketi's API")
}

// heketi is the plugin that takes over what a Heketi has made.
func (s *Server) heketi() rest.Heketi {
	for _, p := range s.plugins {
		if h, ok := p.(rest.Heketi); ok {
			return h
		}
	}
	return noHeketi{}
}
