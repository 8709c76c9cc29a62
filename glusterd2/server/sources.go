package server

import (
	"net"
	"net/netip"
	"slices"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/sunrpc"
	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
)

// source is where volfiles come from: the records of the pool, as this peer has them in memory.
type source struct{ *Server }

var (
	_ volgen.Source  = source{}
	_ sunrpc.Volumes = source{}
)

// Volume implements volgen.Source.
func (s source) Volume(name string) (*volume.Volume, bool) {
	rec, ok, err := volume.Records.Get(s.store, name)
	return rec.Value, ok && err == nil
}

// Host implements volgen.Source.
func (s source) Host(peerID string) string {
	rec, ok, err := peer.Records.Get(s.store, peerID)
	if err != nil || !ok {
		return ""
	}
	return rec.Value.Host
}

// Servers implements volgen.Source: the peers that are at work, other than this one.
func (s source) Servers() []string {
	recs, err := peer.Records.List(s.store)
	if err != nil {
		return nil
	}
	var out []string
	for _, rec := range recs {
		if _, online := peer.Online(s.store, rec.ID); online && rec.ID != s.id.Peer().ID {
			out = append(out, net.JoinHostPort(rec.Value.Host, volfilePort))
		}
	}
	return out
}

// volfilePort is the port at which GlusterFS clients look for volfiles and ports.
const volfilePort = "24007"

// PoolOptions implements volgen.Source.
func (s source) PoolOptions() map[string]string {
	options, err := volumes.ReadPoolOptions(s.store)
	if err != nil {
		return nil
	}
	return options
}

// VolumeID implements sunrpc.Volumes.
func (s source) VolumeID(name string) (string, error) {
	rec, err := volumes.Find(s.store, name)
	if err != nil {
		return "", err
	}
	return rec.Value.ID, nil
}

// volfiles gives the SunRPC edge the volfiles of the library.
type volfiles struct{ library *volgen.Library }

// Spec implements sunrpc.Volfiles.
func (v volfiles) Spec(key string, who sunrpc.Requester) (sunrpc.Spec, error) {
	spec, err := v.library.Spec(key, volgen.Requester{Local: who.Local, Peer: who.Peer, Addr: who.Addr})
	return sunrpc.Spec{Text: spec.Text, Servers: spec.Servers, PidFile: spec.PidFile, MinClientOpVersion: spec.ClientOpVersion}, err
}

// notify tells those who have volfiles of these volumes, with none of all volumes, if they are others now.
func (s *Server) notify(names ...string) {
	if len(names) == 0 {
		s.sunrpc.NotifyChanged()
		return
	}
	s.sunrpc.NotifyWhere(func(key string) bool {
		name, ok := volgen.VolumeOf(key)
		return !ok || slices.Contains(names, name)
	})
}

// selfHealText returns the volfile of a volume for the self-heal daemon.
func (s *Server) selfHealText(v *volume.Volume) string {
	return volgen.SelfHeal(v, s.volgenParams())
}

// repairText returns the volfile of the mount by which copies are told that others are empty.
func (s *Server) repairText(v *volume.Volume) string { return volgen.Repair(v, s.volgenParams()) }

func (s *Server) volgenParams() volgen.Params {
	return volgen.Params{Table: s.table, Host: source{s}.Host, Pool: source{s}.PoolOptions()}
}

// brickText returns the volfile of a brick of this host.
func brickText(library *volgen.Library, b brick.Spec) (string, error) {
	spec, err := library.Spec(volgen.BrickKey(b.VolumeName, b.Host, b.Path), volgen.Requester{Local: true})
	return spec.Text, err
}

// multiplex says how the pool wants bricks to share processes.
func (s *Server) multiplex() brick.Multiplex { return volumes.Multiplex(source{s}.PoolOptions()) }

// leaveAlone reports whether the reconcilers must leave the bricks of a volume as they are: a transaction works on
// them, or the volume should not run, or it lacks the server quorum.
func (s *Server) leaveAlone(volumeName string) bool {
	// The lock first: what a transaction changes and its unlock become visible at once, so that a record read after the
	// lock was seen free is as the transaction left it.
	if s.locked(volumeName) {
		return true
	}
	rec, ok, err := volume.Records.Get(s.store, volumeName)
	return err != nil || !ok || rec.Value.State != volume.Started || s.plane.Withheld(rec.Value)
}

// locked reports whether a transaction works on a volume.
func (s *Server) locked(volumeName string) bool { return s.engine.LockHeld(volumes.Lock(volumeName)) }

// isPeer reports whether an address is that of a peer.
func (s *Server) isPeer(addr netip.Addr) bool {
	recs, err := peer.Records.List(s.store)
	if err != nil {
		return false
	}
	for _, rec := range recs {
		if a, err := netip.ParseAddr(rec.Value.Host); err == nil && a == addr {
			return true
		}
	}
	return false
}
