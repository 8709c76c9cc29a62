package clirpc

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// State is all that is known of the pool.
type State interface {
	State(ctx context.Context) (api.PoolState, error)
}

// Files are what the command and its tools read on this host beside the answers.
type Files interface {
	// WriteState writes the text of get-state into a folder, the usual one if dir is empty, under a name, one with the
	// time in it if name is empty, and returns the path.
	WriteState(dir, name, text string) (string, error)
	// WriteLimits writes down which directories of a volume have limits, where quota list looks for it.
	WriteLimits(volume string, limits []api.QuotaLimit) error
	// Mount mounts a volume where quota list looks for its directories. The command unmounts it.
	Mount(ctx context.Context, volume string) error
}

// getState answers get-state: it writes a file in the format of glusterd's, and tells where it is.
func (s *Server) getState(ctx context.Context, in gfrpc.Dict) (answer, error) {
	if d := in.String("daemon"); d != "" && d != "glusterd" {
		return answer{}, api.FieldErrorf("daemon", "glusterd is the only supported daemon.")
	}
	st, err := s.cfg.State.State(ctx)
	if err != nil {
		return answer{}, err
	}
	path, err := s.cfg.Files.WriteState(in.String("odir"), in.String("filename"), stateText(st))
	out := echo(in)
	out.SetString("ofilepath", path)
	return answer{dict: out}, err
}

// stateText writes the state of the pool in glusterd's sections and lines.
func stateText(st api.PoolState) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[Global]\nMYUUID: %s\nop-version: %s\n\n[Global options]\n", st.PeerID, poolValue(st.Options, "cluster.op-version"))
	for _, o := range st.Options {
		if o.Modified {
			fmt.Fprintf(&b, "%s: %s\n", o.Key, o.Value)
		}
	}
	writePeers(&b, st)
	b.WriteString("\n[Volumes]\n")
	for i, v := range st.Volumes {
		writeVolume(&b, fmt.Sprintf("Volume%d.", i+1), v)
		b.WriteString("\n")
	}
	writeServices(&b, st)
	b.WriteString("\n[Misc]\n")
	return b.String()
}

func poolValue(options []api.ClusterOption, key string) string {
	for _, o := range options {
		if o.Key == key {
			return o.Value
		}
	}
	return ""
}

func writePeers(b *strings.Builder, st api.PoolState) {
	b.WriteString("\n[Peers]\n")
	n := 0
	for _, p := range st.Peers {
		if p.ID == st.PeerID {
			continue
		}
		n++
		host, _ := addressOf(p)
		connected := "Disconnected"
		if p.Online {
			connected = "Connected"
		}
		key := fmt.Sprintf("Peer%d.", n)
		fmt.Fprintf(b, "%sprimary_hostname: %s\n%suuid: %s\n%sstate: %s\n%sconnected: %s\n%sothernames: \n", key, host, key, p.ID, key, befriendedText, key, connected, key)
	}
}

func writeVolume(b *strings.Builder, key string, v api.VolumeState) {
	line := func(name string, value any) { fmt.Fprintf(b, "%s%s: %v\n", key, name, value) }
	i := v.Info
	line("name", i.Name)
	line("id", i.ID)
	line("type", i.Type)
	line("transport_type", i.Transport)
	line("status", i.State)
	line("profile_enabled", truth(i.Options["diagnostics.count-fop-hits"] == "on"))
	line("brickcount", len(v.Bricks))
	for n, brick := range v.Bricks {
		writeBrick(b, fmt.Sprintf("%sBrick%d.", key, n+1), brick)
	}
	for _, f := range []struct {
		name  string
		value int
	}{
		{"snap_count", len(i.SnapList)}, {"stripe_count", 1}, {"replica_count", max(1, i.ReplicaCount)}, {"subvol_count", len(i.Subvols)},
		{"arbiter_count", i.ArbiterCount}, {"disperse_count", i.DisperseCount}, {"redundancy_count", i.DisperseRedundancyCount},
	} {
		line(f.name, f.value)
	}
	line("shd_svc.online_status", onlineWord(slices.ContainsFunc(v.Daemons, func(d api.DaemonStatus) bool { return d.Name == "Self-heal Daemon" && d.Online })))
	for _, t := range v.Tasks {
		line("rebalance.id", t.ID)
		line("rebalance.status", strings.ReplaceAll(t.State, " ", "_"))
	}
	for _, name := range slices.Sorted(maps.Keys(i.Options)) {
		line("options."+name, i.Options[name])
	}
}

func writeBrick(b *strings.Builder, key string, brick api.BrickStatus) {
	state := "Stopped"
	if brick.Online {
		state = "Started"
	}
	line := func(name string, value any) { fmt.Fprintf(b, "%s%s: %v\n", key, name, value) }
	line("path", brickName(brick.Info))
	line("hostname", brick.Info.Hostname)
	if brick.Info.Type == api.BrickTypeArbiter {
		line("is_arbiter", 1)
	}
	line("port", brick.Port)
	line("rdma_port", 0)
	line("port_registered", truth(brick.Port > 0))
	line("status", state)
	line("spacefree", fmt.Sprintf("%dBytes", brick.Size.Free))
	line("spacetotal", fmt.Sprintf("%dBytes", brick.Size.Capacity))
}

func onlineWord(online bool) string {
	if online {
		return "Online"
	}
	return "Offline"
}

// writeServices lists the daemons of this peer under glusterd's names.
func writeServices(b *strings.Builder, st api.PoolState) {
	b.WriteString("[Services]\n")
	for i, svc := range []struct{ name, listed string }{{"glustershd", "Self-heal Daemon"}, {"quotad", "Quota Daemon"}} {
		online := slices.ContainsFunc(st.Volumes, func(v api.VolumeState) bool {
			return slices.ContainsFunc(v.Daemons, func(d api.DaemonStatus) bool { return d.Name == svc.listed && d.PeerID == st.PeerID && d.Online })
		})
		fmt.Fprintf(b, "svc%d.name: %s\nsvc%d.online_status: %s\n", i+1, svc.name, i+1, onlineWord(online))
	}
}
