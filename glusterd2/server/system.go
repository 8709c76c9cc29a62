package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/rest"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/runcmd"
	"gd2/transaction"
)

// system answers for the daemon itself.
type system struct{ *Server }

var (
	_ rest.System        = system{}
	_ rest.MetricsSource = system{}
)

// planner lets commands plan only.
type planner struct{}

var _ rest.Planner = planner{}

// Plan implements rest.Planner.
func (planner) Plan(ctx context.Context, run func(ctx context.Context) error) (api.OperationPlan, error) {
	return transaction.PlanOf(ctx, run)
}

// PeerID implements rest.System.
func (s system) PeerID() string { return s.id.Peer().ID }

// ClusterID implements rest.System.
func (s system) ClusterID() string { return s.id.PoolID() }

// Version implements rest.System.
func (s system) Version() string { return s.version }

// LogLevel implements rest.System.
func (s system) LogLevel() string { return s.log.Level() }

// SetLogLevel implements rest.System.
func (s system) SetLogLevel(level string) error { return s.log.SetLevel(level) }

// xlatorDir asks the installed GlusterFS where its translators are.
func (s *Server) xlatorDir(ctx context.Context) (string, error) {
	out, err := runcmd.Run(ctx, runcmd.Command{Name: s.cfg.GlusterFSD, Args: []string{"--print-xlatordir"}})
	return strings.TrimSpace(string(out.Stdout)), err
}

// Live implements rest.System: a daemon that answers is alive.
func (s system) Live(context.Context) api.Health {
	return api.Health{OK: true, Checks: []api.Check{{Name: "process", OK: true}}}
}

// Ready implements rest.System.
func (s system) Ready(ctx context.Context) api.Health {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := s.peers.NotInPool(); err != nil {
		return api.Health{Checks: []api.Check{{Name: "pool", Message: err.Error()}}}
	}
	check := api.Check{Name: "store", OK: true}
	select {
	case <-s.store.Ready():
		if err := s.store.Sync(ctx); err != nil {
			check = api.Check{Name: "store", Message: "no quorum: " + err.Error()}
		} else if _, ok, err := peer.PoolRecord.Get(s.store, ""); err != nil || !ok {
			check = api.Check{Name: "pool", Message: "the first records of this peer's new pool are not written yet"}
		}
	default:
		check = api.Check{Name: "store", Message: s.store.Waiting()}
	}
	return api.Health{OK: check.OK, Checks: []api.Check{check}}
}

// Status implements rest.System.
func (s system) Status(ctx context.Context) (api.PoolStatus, error) {
	st := api.PoolStatus{ClusterID: s.ClusterID(), Warnings: []string{}, Volumes: []api.VolumeSummary{}, Pending: []api.TransactionRef{}}
	if err := s.peers.NotInPool(); err != nil {
		st.Warnings = append(st.Warnings, err.Error())
		return st, nil
	}
	// Without a quorum the last known state is shown, and what is waited for.
	unknown := s.syncBriefly(ctx)
	if unknown != nil {
		st.Warnings = append(st.Warnings, unknown.Error())
	}
	var err error
	if st.Peers, err = s.peers.Known(ctx); err != nil {
		return st, err
	}
	if st.Store, err = s.store.Status(ctx); err != nil {
		return st, err
	}
	if unknown == nil {
		st.Warnings = append(append(st.Warnings, s.rivals()...), st.Store.Warnings...)
	}
	for _, p := range st.Peers {
		if !p.Online && unknown == nil {
			st.Warnings = append(st.Warnings, fmt.Sprintf("peer %s (%s) is offline", p.Name, p.ID))
		}
	}
	volumes, err := s.volumes.Statuses(ctx)
	if err != nil {
		return st, err
	}
	for _, v := range volumes {
		sum, warnings := summarize(v)
		st.Volumes = append(st.Volumes, sum)
		st.Warnings = append(st.Warnings, warnings...)
	}
	st.Pending = append(st.Pending, s.engine.Pending()...)
	st.Warnings = append(st.Warnings, s.waitingOperations()...)
	st.Healthy = len(st.Warnings) == 0
	return st, nil
}

// waitingOperations says in words which operations do not go on.
func (s system) waitingOperations() []string {
	pending, _, _ := s.engine.Find(transaction.Query{State: transaction.StatePending}) // what cannot be read cannot be named either
	var out []string
	for _, o := range pending {
		if o.State == api.OperationStuck || o.State == api.OperationUnwinding || len(o.PeerErrors) > 0 {
			out = append(out, fmt.Sprintf("operation %s (%s) is %s: see 'glustercli operation show %s'", o.ID, o.Operation, o.State, o.ID))
		}
	}
	return out
}

// syncBriefly is for those who want to know what is wrong, and not to wait until it is over.
func (s system) syncBriefly(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return s.store.Sync(ctx)
}

func summarize(v api.VolumeStatus) (api.VolumeSummary, []string) {
	sum := api.VolumeSummary{Name: v.Info.Name, State: v.Info.State, Type: v.Info.Type, BricksTotal: len(v.Bricks)}
	var warnings []string
	started := v.Info.State == string(volume.Started)
	for _, b := range v.Bricks {
		switch {
		case b.Online:
			sum.BricksOnline++
		case started:
			warnings = append(warnings, fmt.Sprintf("volume %s: brick %s:%s is offline", sum.Name, b.Info.Hostname, b.Info.Path))
		}
	}
	for _, d := range v.Daemons {
		if !d.Online {
			warnings = append(warnings, fmt.Sprintf("volume %s: %s on %s is offline", sum.Name, d.Name, d.Hostname))
		}
	}
	if started && !v.Online {
		warnings = append(warnings, fmt.Sprintf("volume %s: not all files can be reached", sum.Name))
	}
	return sum, warnings
}

// Measure implements rest.MetricsSource. Bricks of other peers are measured there.
func (s system) Measure(ctx context.Context) rest.Measurements {
	m := rest.Measurements{Transactions: map[string]int{}, Connections: map[string]int{"sunrpc": s.sunrpc.Connections()}}
	if recs, err := peer.Records.List(s.store); err == nil {
		for _, rec := range recs {
			alive, ok := peer.Online(s.store, rec.ID)
			m.Peers = append(m.Peers, rec.Value.Info(ok, alive.PID))
		}
	}
	if recs, err := volume.Records.List(s.store); err == nil {
		hosts := peer.Hosts(s.store)
		for _, rec := range recs {
			r := s.plane.Figures(rec.Value)
			m.Volumes = append(m.Volumes, api.VolumeStatus{Info: rec.Value.Info(hosts), Bricks: r.Bricks, Daemons: r.Daemons,
				Online: rec.Value.State == volume.Started})
		}
	}
	if list, err := s.engine.List(); err == nil {
		for _, t := range list {
			m.Transactions[t.State]++
		}
	}
	if st, err := s.store.Status(ctx); err == nil {
		m.Store = st
	}
	return m
}
