package store

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// Every peer has a copy of all records, so every change is sent to every peer. In a pool of many most changes are those of a
// transaction in which a peer has no part. It hears of them a moment later, of several at once: what a change costs the
// members of the store, while somebody waits for its end, does not grow with the pool. Whoever wants to know sooner asks how
// far the watch has come, as Sync does, and gets what was held back first.

// asideFor is how long a change is held back from those whom it does not concern.
const asideFor = 50 * time.Millisecond

// asideMost is the number of changes that are held back at most.
const asideMost = 512

// watchMethod is the watch of etcd, in gRPC's words.
const watchMethod = "/etcdserverpb.Watch/Watch"

// aside is the server's side of a watch.
type aside struct {
	grpc.ServerStream
	// watcher is the id of the peer that watches.
	watcher []byte

	mu    sync.Mutex
	held  *etcdserverpb.WatchResponse
	timer *time.Timer
	err   error // of a send that nobody waited for
	over  bool
}

// holdBack returns the stream of a watch of a peer, and what to do at its end. Others than peers are left as they are.
func holdBack(ss grpc.ServerStream) (grpc.ServerStream, func()) {
	p, ok := peer.FromContext(ss.Context())
	if !ok {
		return ss, func() {}
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.PeerCertificates) == 0 || info.State.PeerCertificates[0].Subject.CommonName == "" {
		return ss, func() {}
	}
	a := &aside{ServerStream: ss, watcher: []byte(info.State.PeerCertificates[0].Subject.CommonName)}
	return a, a.close
}

// SendMsg sends an answer of the watch, or holds it back for a moment.
func (a *aside) SendMsg(m any) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return a.err
	}
	resp, ok := m.(*etcdserverpb.WatchResponse)
	if ok && a.canWait(resp) {
		a.hold(resp)
		return nil
	}
	if err := a.flush(); err != nil {
		return err
	}
	return a.ServerStream.SendMsg(m)
}

// canWait reports whether an answer has nothing but changes that do not concern the watcher.
func (a *aside) canWait(resp *etcdserverpb.WatchResponse) bool {
	if resp.Created || resp.Canceled || resp.CompactRevision != 0 || resp.Fragment || len(resp.Events) == 0 {
		return false
	}
	if a.held != nil && (a.held.WatchId != resp.WatchId || len(a.held.Events) >= asideMost) {
		return false
	}
	return !slices.ContainsFunc(resp.Events, a.concerns)
}

// concerns reports whether a change is one that the watcher must hear of at once: any but those that come with
// transactions, and of these such as name it. Values that are packed name nobody: mostly they come together with one that does.
func (a *aside) concerns(ev *mvccpb.Event) bool {
	ofTransaction := func(prefix string) bool { return bytes.HasPrefix(ev.Kv.Key, []byte(prefix)) }
	if !slices.ContainsFunc([]string{PrefixTransactions, PrefixKeys, PrefixLocks, PrefixClaims, PrefixVolumes, PrefixEvents}, ofTransaction) {
		return true
	}
	return bytes.Contains(ev.Kv.Value, a.watcher)
}

// hold keeps an answer until its time has come. What is there already is not changed: etcd gives one list of changes to
// several watches.
func (a *aside) hold(resp *etcdserverpb.WatchResponse) {
	if a.held != nil {
		a.held = &etcdserverpb.WatchResponse{
			Header: resp.Header, WatchId: resp.WatchId, Events: append(slices.Clip(a.held.Events), resp.Events...),
		}
		return
	}
	a.held = resp
	a.timer = time.AfterFunc(asideFor, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if !a.over && a.err == nil {
			a.err = a.flush()
		}
	})
}

// flush sends what was held back.
func (a *aside) flush() error {
	held := a.held
	if held == nil {
		return nil
	}
	a.held = nil
	a.timer.Stop()
	return a.ServerStream.SendMsg(held)
}

// close ends it: nothing may be sent after the handler of a stream has returned.
func (a *aside) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	if a.timer != nil {
		a.timer.Stop()
	}
}
