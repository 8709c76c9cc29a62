package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"gd2/pkg/api"
)

// poolServerName is a name that every certificate of a pool carries, whatever the address of the peer.
const poolServerName = "gd2-peer"

// endpoint is one place where the pool may answer.
type endpoint struct {
	name      string // as the user wrote it
	base      url.URL
	unix      bool
	transport *http.Transport
}

func newEndpoint(name string, cfg Config) (*endpoint, error) {
	raw := name
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, api.FieldErrorf("endpoints", "endpoint %q is not a URL: %v", name, err)
	}
	e := &endpoint{name: name, transport: &http.Transport{
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     time.Minute,
		TLSHandshakeTimeout: cfg.DialTimeout,
	}}
	dialer := &net.Dialer{Timeout: cfg.DialTimeout}
	e.transport.DialContext = dialer.DialContext
	switch {
	case u.Scheme == "unix" && u.Path != "" && u.Host == "":
		e.unix = true
		e.base = url.URL{Scheme: "http", Host: "localhost"}
		e.transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", u.Path)
		}
	case u.Scheme == "http" && u.Host != "":
		e.base = url.URL{Scheme: u.Scheme, Host: u.Host}
	case u.Scheme == "https" && u.Host != "":
		e.base = url.URL{Scheme: u.Scheme, Host: u.Host}
		if e.transport.TLSClientConfig, err = tlsConfig(cfg, u.Hostname()); err != nil {
			return nil, err
		}
	default:
		return nil, api.FieldErrorf("endpoints",
			"endpoint %q is not unix:///path, https://host:port or http://host:port", name)
	}
	return e, nil
}

// tlsConfig trusts what cfg says. With a CA file the certificate must come from it and name either the host or the pool:
// peers are reached by addresses that their certificates need not know.
func tlsConfig(cfg Config, host string) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	switch {
	case cfg.Insecure:
		t.InsecureSkipVerify = true // the caller asked for it
	case cfg.CACert != "":
		pool, err := readCA(cfg.CACert)
		if err != nil {
			return nil, err
		}
		t.InsecureSkipVerify = true // VerifyConnection verifies in its place
		t.VerifyConnection = func(s tls.ConnectionState) error { return verify(s, pool, host) }
	}
	return t, nil
}

func readCA(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, api.FieldErrorf("cacert", "the CA file cannot be read: %v", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, api.FieldErrorf("cacert", "%s holds no PEM certificate", path)
	}
	return pool, nil
}

func verify(s tls.ConnectionState, roots *x509.CertPool, host string) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server sent no certificate")
	}
	opts := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), DNSName: host}
	for _, cert := range s.PeerCertificates[1:] {
		opts.Intermediates.AddCert(cert)
	}
	_, err := s.PeerCertificates[0].Verify(opts)
	if err == nil {
		return nil
	}
	opts.DNSName = poolServerName
	if _, poolErr := s.PeerCertificates[0].Verify(opts); poolErr == nil {
		return nil
	}
	return err
}
