package store

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.uber.org/zap"

	"gd2/pkg/api"
)

const (
	// scratchTimeout bounds the start of the server that a recovery uses, which reads its log, and each request to it.
	scratchTimeout = time.Minute
	// scratchBatch is the number of records written to it at once.
	scratchBatch = 100
)

func offlineLog(cfg Config) *zap.Logger {
	return zapLogger(cfg.Log.WithField("part", "etcd"), logrus.DebugLevel, new(atomic.Bool))
}

// rework starts a server, which nobody can reach, on a directory that may be spoiled, writes the newer records of a copy
// into it, and saves its database to a file. With force the directory is that of a member with colleagues, who are
// forgotten; what is committed in its log is taken in.
func rework(cfg Config, dir string, force bool, c *diskCopy, to string) (err error) {
	defer func() {
		if p := recover(); p != nil { // etcd's way to refuse a damaged log
			err = api.Errorf(api.Internal, "the store's server does not start on the data: %v", p)
		}
	}()
	etcd, err := embed.StartEtcd(scratchConfig(cfg, dir, force))
	if err != nil {
		return api.Errorf(api.Internal, "the store's server does not start on the data: %v", err)
	}
	defer func() {
		etcd.Server.HardStop()
		etcd.Close()
	}()
	select {
	case <-etcd.Server.ReadyNotify():
	case err := <-etcd.Err():
		return api.Errorf(api.Internal, "the store's server does not start on the data: %v", err)
	case <-time.After(scratchTimeout):
		return api.Errorf(api.Timeout, "the store's server does not start on the data within %v", scratchTimeout)
	}
	client := v3client.New(etcd.Server)
	defer func() { _ = client.Close() }()
	if c != nil && c.header.Revision > etcd.Server.KV().Rev() {
		if err := overlay(client, c); err != nil {
			return api.Errorf(api.Internal, "the last known copy cannot be brought in: %v", err)
		}
	}
	return saveDatabase(etcd, to)
}

func scratchConfig(cfg Config, dir string, force bool) *embed.Config {
	ec := embed.NewConfig()
	ec.Name, ec.Dir, ec.ForceNewCluster = cfg.PeerID, dir, force
	// Abstract unix sockets need no port, no file and no certificate, and are nobody's business.
	socket := func() []url.URL { return []url.URL{{Scheme: "unix", Host: "@gd2-recover-" + rand.Text()}} }
	ec.ListenPeerUrls, ec.ListenClientUrls = socket(), socket()
	nobody := url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	ec.AdvertisePeerUrls, ec.AdvertiseClientUrls = []url.URL{nobody}, []url.URL{nobody}
	ec.InitialCluster = initialCluster(map[string][]string{cfg.PeerID: {nobody.String()}})
	ec.TickMs, ec.ElectionMs = tickMs, electionMs
	ec.MaxTxnOps, ec.MaxRequestBytes = maxCommitOps, maxRequestBytes
	ec.UnsafeNoFsync = true // it is a copy
	ec.EnableGRPCGateway = false
	ec.ZapLoggerBuilder = embed.NewZapLoggerBuilder(offlineLog(cfg))
	return ec
}

// overlay makes the records those of the copy, except for what is never in a copy.
func overlay(client *clientv3.Client, c *diskCopy) error {
	ctx, cancel := context.WithTimeout(context.Background(), scratchTimeout)
	defer cancel()
	entries, _, err := load(ctx, client)
	if err != nil {
		return err
	}
	old := map[string]*entry{}
	for _, e := range entries {
		if inCopy(e) {
			old[e.key] = e
		}
	}
	var ops []clientv3.Op
	for _, e := range c.entries {
		if o, ok := old[e.key]; !ok || string(o.value) != string(e.value) {
			ops = append(ops, clientv3.OpPut(e.key, string(e.value)))
		}
		delete(old, e.key)
	}
	for key := range old {
		ops = append(ops, clientv3.OpDelete(key))
	}
	return inBatches(ctx, client, ops)
}

func inBatches(ctx context.Context, client *clientv3.Client, ops []clientv3.Op) error {
	for len(ops) > 0 {
		n := batch(ops)
		if _, err := client.Txn(ctx).Then(ops[:n]...).Commit(); err != nil {
			return err
		}
		ops = ops[n:]
	}
	return nil
}

// batch returns how many of the first operations fit into one request.
func batch(ops []clientv3.Op) int {
	size := 0
	for i, op := range ops {
		size += len(op.KeyBytes()) + len(op.ValueBytes())
		if i > 0 && (size > maxCommitBytes || i == scratchBatch) {
			return i
		}
	}
	return len(ops)
}

func saveDatabase(etcd *embed.Etcd, to string) error {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return api.Errorf(api.Internal, "the database cannot be saved: %v", err)
	}
	snap := etcd.Server.Backend().Snapshot()
	_, err = snap.WriteTo(f)
	if err := errors.Join(err, snap.Close(), f.Close()); err != nil {
		return api.Errorf(api.Internal, "the database cannot be saved: %v", strings.TrimSpace(err.Error()))
	}
	return nil
}
