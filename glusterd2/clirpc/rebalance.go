package clirpc

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Rebalance moves files to where new bricks want them.
type Rebalance interface {
	RebalanceStart(ctx context.Context, name string, req api.RebalanceStartReq) (string, error)
	RebalanceStop(ctx context.Context, name string) (api.RebalanceStatus, error)
	RebalanceStatus(ctx context.Context, name string) (api.RebalanceStatus, error)
}

// Values of rebalance-command.
const (
	rebalanceStart  = 1
	rebalanceStop   = 2
	rebalanceStatus = 3
	rebalanceLayout = 4
	rebalanceForce  = 5
)

// keyRebalanceID is the key of the id of a rebalance.
const keyRebalanceID = "rebalance-id"

// defrag answers rebalance, and of remove-brick status and stop.
func (s *Server) defrag(ctx context.Context, in gfrpc.Dict) (answer, error) {
	if command, ok := in.Int(keyCommand); ok {
		return s.removeBrickTask(ctx, in, command)
	}
	name := in.String(keyVolume)
	command, _ := in.Int("rebalance-command")
	var st api.RebalanceStatus
	var err error
	wrongState := "Rebalance not started for volume %s."
	switch command {
	case rebalanceStart, rebalanceLayout, rebalanceForce:
		option := map[int64]string{rebalanceLayout: api.RebalanceFixLayout, rebalanceForce: api.RebalanceForce}[command]
		st.RebalanceID, err = s.cfg.Rebalance.RebalanceStart(ctx, name, api.RebalanceStartReq{Option: option})
		wrongState = ""
	case rebalanceStop:
		st, err = s.cfg.Rebalance.RebalanceStop(ctx, name)
	case rebalanceStatus:
		st, err = s.cfg.Rebalance.RebalanceStatus(ctx, name)
	default:
		err = api.FieldErrorf("rebalance-command", "rebalance has no command %d", command)
	}
	return answer{dict: s.putProgress(echo(in), st, keyRebalanceID)}, aboutVolume(err, wrongState)
}

// putProgress lists what each peer has done, this one last. Peers that do not tell are left out, as glusterd leaves them out.
func (s *Server) putProgress(out gfrpc.Dict, st api.RebalanceStatus, keyID string) gfrpc.Dict {
	out.SetString(keyID, st.RebalanceID)
	n := 0
	slices.SortStableFunc(st.Nodes, func(a, b api.RebalNodeStatus) int {
		return cmp.Compare(truth(a.PeerID == s.cfg.PeerID), truth(b.PeerID == s.cfg.PeerID))
	})
	for _, node := range st.Nodes {
		if node.Status == "" {
			continue
		}
		n++
		host := node.Host
		if node.PeerID == s.cfg.PeerID {
			host = "localhost"
		}
		for key, value := range map[string]string{
			"node-name": host, "node-uuid": node.PeerID, "status": fmt.Sprint(taskNumber(node.Status)), "files": node.RebalancedFiles, "size": node.RebalancedSize,
			"lookups": node.LookedupFiles, "failures": node.RebalanceFailures, "skipped": node.SkippedFiles, "run-time": node.ElapsedTime, "time-left": whole(node.TimeLeft),
		} {
			out.SetString(fmt.Sprintf("%s-%d", key, n), cmp.Or(value, "0"))
		}
	}
	if st.Nodes != nil {
		out.SetInt(keyCount, int64(n))
	}
	return out
}

// whole cuts the decimals off a number.
func whole(number string) string {
	n, _, _ := strings.Cut(number, ".")
	return n
}
