package server_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/config"
	"gd2/pkg/api"
	"gd2/pkg/pki"
)

// move gives a daemon that is stopped another address.
func (d *daemon) move(ip string) {
	d.ip = ip
	c := d.config()
	d.cfg.ClientAddress, d.cfg.PeerAddress, d.cfg.EtcdCURLs, d.cfg.EtcdPURLs = c.ClientAddress, c.PeerAddress, c.EtcdCURLs, c.EtcdPURLs
	d.cfg.AdvertiseAddress = ip
}

// A peer gets another address while it is away: it votes again, its brick serves at the new one, and it is still the same.
func TestAddressChange(t *testing.T) {
	t.Parallel()
	ds := pool(t, 3)
	ds[0].sees(3, ds...)
	ctx := t.Context()
	if _, err := ds[0].client.VolumeCreate(ctx, volumeOn("gv", 3, ds...)); err != nil {
		t.Fatal(err)
	}
	if _, err := ds[0].client.VolumeStart(ctx, "gv", api.VolumeStartReq{}); err != nil {
		t.Fatal(err)
	}
	moving, id, old := ds[2], ds[2].id(), ds[2].ip
	octets := strings.Split(old, ".")
	octets[3] = fmt.Sprint(250)
	fresh := strings.Join(octets, ".")
	_, err := ds[0].client.PeerEdit(ctx, id, api.PeerEditReq{Address: fresh})
	refused(t, err, api.Unavailable, "does not answer at "+net.JoinHostPort(fresh, "24008"))
	_, err = ds[0].client.PeerEdit(ctx, id, api.PeerEditReq{Address: "not a host"})
	refused(t, err, api.Invalid, "address")

	moving.stop()
	until(t, func(ctx context.Context) string {
		if p, err := ds[0].client.Peer(ctx, id); err != nil || p.Online {
			return fmt.Sprintf("the stopped peer is online: %+v, %v", p, err)
		}
		return ""
	})
	_, err = ds[0].client.PeerEdit(ctx, id, api.PeerEditReq{Address: ds[1].ip})
	refused(t, err, api.Exists, ds[1].id())
	if _, err := ds[0].client.PeerEdit(ctx, id, api.PeerEditReq{Address: fresh}); err != nil {
		t.Fatal(err)
	}
	moving.move(fresh)
	moving.start()
	moving.ready()
	if moving.id() != id {
		t.Errorf("peer %s became %s", id, moving.id())
	}
	for _, d := range ds {
		d.sees(3, ds...)
	}
	until(t, func(ctx context.Context) string { return servesAt(ctx, ds[0], fresh) })
	// Without the others' help its new address holds, also as the one that decides.
	moving.restart()
	moving.ready()
	ds[1].stop()
	until(t, func(ctx context.Context) string {
		if _, err := moving.client.VolumeEdit(ctx, "gv", api.VolumeEditReq{Metadata: map[string]string{"a": "b"}}); err != nil {
			return err.Error()
		}
		return ""
	})
	p, err := ds[0].client.Pool(ctx)
	if i := slices.IndexFunc(p.Members, func(m api.PoolMember) bool { return m.PeerID == id }); err != nil || i < 0 ||
		!p.Members[i].Reachable || p.Members[i].Host != fresh {
		t.Errorf("members %+v, %v", p.Members, err)
	}
}

// servesAt says what is missing until the volume's third brick runs with the address, and all bricks do.
func servesAt(ctx context.Context, d *daemon, ip string) string {
	st, err := d.client.VolumeStatus(ctx, "gv")
	if err != nil {
		return err.Error()
	}
	for _, b := range st.Bricks {
		if !b.Online {
			return fmt.Sprintf("brick %s:%s is offline", b.Info.Hostname, b.Info.Path)
		}
	}
	b := st.Bricks[2]
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", b.Pid))
	if args := strings.ReplaceAll(string(cmdline), "\x00", " "); err != nil || b.Info.Hostname != ip || !strings.Contains(args, "-s "+ip) {
		return fmt.Sprintf("the brick at %s runs as %q, %v", b.Info.Hostname, args, err)
	}
	return ""
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// A peer that is at work at its old and its new address moves without a restart.
func TestAddressChangeAtWork(t *testing.T) {
	t.Parallel()
	var peerPort string
	ds := newDaemons(t, 3, func(i int, cfg *config.Config) {
		if i != 2 {
			return
		}
		peerPort = freePort(t)
		cfg.ClientAddress, cfg.PeerAddress = "0.0.0.0:"+freePort(t), "0.0.0.0:"+peerPort
		cfg.EtcdCURLs, cfg.EtcdPURLs = []string{"https://0.0.0.0:" + freePort(t)}, []string{"https://0.0.0.0:" + freePort(t)}
	})
	each(ds, func(d *daemon) { d.ready() })
	ctx := t.Context()
	if err := ds[0].probe(ds[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := ds[0].client.PeerAdd(ctx, api.PeerAddReq{Addresses: []string{net.JoinHostPort(ds[2].ip, peerPort)}}); err != nil {
		t.Fatal(err)
	}
	ds[1].sees(3, ds...)
	id := ds[2].id()
	octets := strings.Split(ds[2].ip, ".")
	octets[3] = "251"
	fresh := strings.Join(octets, ".")
	if _, err := ds[2].client.PeerEdit(ctx, id, api.PeerEditReq{Address: fresh}); err != nil {
		t.Fatal(err)
	}
	for _, d := range ds {
		until(t, func(ctx context.Context) string {
			p, err := d.client.Pool(ctx)
			i := slices.IndexFunc(p.Members, func(m api.PoolMember) bool { return m.PeerID == id })
			if err != nil || !p.Healthy || i < 0 || p.Members[i].Host != fresh {
				return fmt.Sprintf("%s sees %+v, %v", d.ip, p, err)
			}
			return ""
		})
	}
	// The certificate names the new address.
	until(t, func(ctx context.Context) string {
		c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}).DialContext(ctx, "tcp", net.JoinHostPort(fresh, peerPort))
		if err != nil {
			return err.Error()
		}
		defer c.Close()
		if cert := c.(*tls.Conn).ConnectionState().PeerCertificates[0]; !pki.Covers(cert, fresh) {
			return fmt.Sprintf("the certificate is for %v", cert.IPAddresses)
		}
		return ""
	})
	ds[1].stop()
	until(t, func(ctx context.Context) string {
		if _, err := ds[2].client.PeerEdit(ctx, id, api.PeerEditReq{Zone: "z"}); err != nil {
			return err.Error()
		}
		return ""
	})
}
