package store

import (
	"context"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

const (
	// campaignPause is the pause between attempts to start the election of a lone voter; the first ones come while the
	// server is still reading what it has.
	campaignPause = 5 * time.Millisecond
	// campaignTime bounds them. By then the usual election has begun.
	campaignTime = 2 * time.Second
)

// campaign spares a member that is the only voter the wait for other candidates, up to a second: it sends itself the
// message by which a leader hands over to a chosen successor. Raft holds a proper election all the same.
func (sv *server) campaign() {
	es := sv.etcd.Server
	ctx, cancel := context.WithTimeout(context.Background(), campaignTime)
	defer cancel()
	tick := time.NewTicker(campaignPause)
	defer tick.Stop()
	id := uint64(es.MemberID())
	for es.Leader() == 0 {
		if sv.onlyVoter() {
			// An error means that the server ends, or that the time is over.
			_ = es.Process(ctx, &raftpb.Message{Type: raftpb.MsgTimeoutNow.Enum(), To: &id, From: &id})
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		case <-es.StoppingNotify():
			return
		}
	}
}

// onlyVoter reports whether no other member has a vote.
func (sv *server) onlyVoter() bool {
	es := sv.etcd.Server
	voters, own := 0, false
	for _, m := range es.Cluster().Members() {
		if !m.IsLearner {
			voters++
			own = own || m.ID == es.MemberID()
		}
	}
	return own && voters == 1
}
