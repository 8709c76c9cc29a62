package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// restManager makes volumes through gd2's REST interface, one client for each peer.
type restManager struct {
	lab     *lab.Lab
	clients []*client.Client
	direct  *http.Transport // to the first
}

func newRESTManager(l *lab.Lab) (*restManager, error) {
	m := &restManager{lab: l, direct: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", l.Peer(1).Path(lab.Socket))
	}}}
	for _, p := range l.Peers() {
		c, err := p.Client()
		if err != nil {
			return nil, err
		}
		m.clients = append(m.clients, c)
	}
	return m, nil
}

func (m *restManager) close() {
	m.direct.CloseIdleConnections()
	for _, c := range m.clients {
		c.Close()
	}
}

func (m *restManager) name() string   { return "gd2" }
func (m *restManager) daemon() string { return "glusterd2" }

func (m *restManager) share(ctx context.Context) error {
	_, err := m.lab.Peer(1).CLI(ctx, "volume", "set", "all", "cluster.brick-multiplex", "on")
	return err
}

func (m *restManager) create(ctx context.Context, peer int, volume string) error {
	req := api.VolumeCreateReq{Name: volume, Subvols: []api.SubvolReq{{Type: api.SubvolReplicate, ReplicaCount: 3}}}
	for _, p := range m.lab.Peers() {
		req.Subvols[0].Bricks = append(req.Subvols[0].Bricks, api.BrickReq{PeerID: p.Name, Path: "/srv/gd2-" + volume})
	}
	_, err := m.clients[peer-1].VolumeCreate(ctx, req)
	return err
}

func (m *restManager) start(ctx context.Context, peer int, volume string) error {
	_, err := m.clients[peer-1].VolumeStart(ctx, volume, api.VolumeStartReq{})
	return err
}

// online waits until the volumes' bricks are online on all peers.
func (m *restManager) online(ctx context.Context, volumes int) error {
	next := atomic.Int64{}
	errs := make([]error, scaleClients)
	var wg sync.WaitGroup
	for c := range scaleClients {
		wg.Go(func() {
			for i := int(next.Add(1) - 1); i < volumes && errs[c] == nil; i = int(next.Add(1) - 1) {
				errs[c] = lab.Eventually(ctx, patience, func(ctx context.Context) error {
					s, err := m.clients[0].VolumeStatus(ctx, fmt.Sprintf("v%d", i))
					if err != nil {
						return err
					}
					for _, b := range s.Bricks {
						if !b.Online {
							return fmt.Errorf("brick %s:%s is not online: %s", b.Info.Hostname, b.Info.Path, b.Error)
						}
					}
					return nil
				})
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// rest waits until every peer's self-heal daemon has all volumes: they take them in after the volumes have been started.
func (m *restManager) rest(ctx context.Context, volumes int) error {
	return lab.Eventually(ctx, patience, func(context.Context) error {
		for _, p := range m.lab.Peers() {
			shapes, err := filepath.Glob(p.Path("/run/glusterd2/shd/*/shape"))
			if err == nil && len(shapes) < volumes {
				err = fmt.Errorf("the self-heal daemon of %s has %d of %d volumes", p.Name, len(shapes), volumes)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// list times a list of all volumes, from the first byte of the question to the last of the answer, in milliseconds.
func (m *restManager) list(ctx context.Context) (float64, error) {
	var took []float64
	for range scaleRuns {
		began := time.Now()
		if _, err := m.get(ctx, "/v1/volumes"); err != nil {
			return 0, err
		}
		took = append(took, ms(time.Since(began)))
	}
	return median(took), nil
}

// get returns what the first peer's daemon answers.
func (m *restManager) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://gd2"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := m.direct.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %w", path, resp.Status, err)
	}
	return body, nil
}

// storeBytes are what the store holds, and what of that are records; the rest is history.
func (m *restManager) storeBytes(ctx context.Context) (all, records int64, err error) {
	s, err := m.clients[0].Status(ctx)
	return s.Store.DBInUseBytes, s.Store.RecordBytes, err
}

// restart stops and starts the first peer's daemon and tells when it answered, and when it had all its bricks.
func (m *restManager) restart(ctx context.Context, volumes int) (answer, adopted time.Duration, err error) {
	if err := m.lab.Peer(1).Stop(ctx); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := m.lab.Peer(1).Launch(ctx); err != nil {
		return 0, 0, err
	}
	err = lab.Eventually(ctx, patience, func(ctx context.Context) error {
		_, err := m.clients[0].Volume(ctx, "v0")
		return err
	})
	answer = time.Since(began)
	if err == nil {
		err = m.adopted(ctx, volumes)
	}
	return answer, time.Since(began), err
}

// adopted waits until the first peer has a brick of each volume online. One question tells of all: a thousand would take seconds themselves.
func (m *restManager) adopted(ctx context.Context, volumes int) error {
	here := []byte(fmt.Sprintf("hostname=%q", m.lab.Peer(1).Name))
	return lab.Eventually(ctx, patience, func(ctx context.Context) error {
		text, err := m.get(ctx, "/metrics")
		if err != nil {
			return err
		}
		up := 0
		for line := range bytes.Lines(text) {
			if bytes.HasPrefix(line, []byte("gluster_brick_up{")) && bytes.Contains(line, here) && bytes.HasSuffix(line, []byte(" 1\n")) {
				up++
			}
		}
		if up < volumes {
			return fmt.Errorf("%d of %d bricks of the first peer are online", up, volumes)
		}
		return nil
	})
}

// scaleGD2 makes all the volumes.
func scaleGD2(ctx context.Context, o options, l *lab.Lab, r *scaleReport) error {
	m, err := newRESTManager(l)
	if err != nil {
		return err
	}
	defer m.close()
	before, recordsBefore, err := m.storeBytes(ctx)
	if err != nil {
		return err
	}
	s := &scale{lab: l, manager: m, volumes: o.scale, report: r}
	n, err := s.run(ctx)
	if err != nil {
		return err
	}
	return m.atRest(ctx, r, n, before, recordsBefore)
}

// atRest takes the figures of a pool that has all its volumes.
func (m *restManager) atRest(ctx context.Context, r *scaleReport, n int, before, recordsBefore int64) error {
	if err := m.online(ctx, n); err != nil {
		return err
	}
	took, err := m.list(ctx)
	if err != nil {
		return err
	}
	r.add("gd2", "volume list", "ms", took)
	after, recordsAfter, err := m.storeBytes(ctx)
	if err != nil {
		return err
	}
	each := 1000 * float64(n+2*scaleRuns)
	r.add("gd2", "store with its history of the last minutes, for each volume", "KB", float64(after-before)/each)
	r.add("gd2", "records, for each volume", "KB", float64(recordsAfter-recordsBefore)/each)
	memoryFigures(m.lab, m, r)
	answer, adopted, err := m.restart(ctx, n)
	if err != nil {
		return err
	}
	r.add("gd2", "restart until the first answer", "ms", ms(answer))
	r.add("gd2", "restart until all bricks are online again", "ms", ms(adopted))
	return nil
}

// memoryFigures reports what the processes of the first peer take.
func memoryFigures(l *lab.Lab, m manager, r *scaleReport) {
	for _, p := range []struct{ name, what string }{{m.daemon(), "the daemon"}, {"glusterfsd", "the bricks"}, {"glusterfs", "the self-heal daemon"}} {
		count, mib, threads, err := processes(l.Peer(1), p.name)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			continue
		}
		r.add(m.name(), "memory of "+p.what, "MiB", mib)
		r.add(m.name(), "threads of "+p.what, "", float64(threads))
		r.add(m.name(), "processes of "+p.what, "", float64(count))
	}
}
