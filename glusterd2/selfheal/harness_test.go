package selfheal_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brick/bricktest"
	"gd2/glusterd2/selfheal"
	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer runs bricks, for a self-heal daemon.
type peer struct {
	*bricktest.Peer
	bricks *brick.Host
	hung   atomic.Bool // the daemon has hung, as glustershd does now and then
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	p := &peer{Peer: bricktest.NewPeer(t)}
	p.bricks = brick.NewHost(brick.Config{
		PeerID: p.ID, Layout: p.Layout, SignIns: p.Ports, Ports: brick.NewPorts(0, 0), Log: bricktest.Quiet(),
	})
	return p
}

// Levels and Fire make a peer hear its daemon's log.
func (p *peer) Levels() []logrus.Level { return []logrus.Level{logrus.WarnLevel} }

func (p *peer) Fire(e *logrus.Entry) error {
	if strings.Contains(e.Message, "hangs") {
		p.hung.Store(true)
	}
	return nil
}

// add makes and starts a replica 2 volume with both bricks here.
func (p *peer) add(t *testing.T, vol string) *volume.Volume {
	t.Helper()
	v, specs := p.Add(t, vol, volume.Subvol{Type: api.SubvolReplicate, Replica: 2, Bricks: []volume.Brick{{Path: vol + "-b0"}, {Path: vol + "-b1"}}})
	bricktest.StopAtEnd(t, p.bricks, specs)
	if _, err := p.bricks.StartAll(t.Context(), specs); err != nil {
		t.Fatal(err)
	}
	return v
}

// wanted returns volumes as SetDesired takes them.
func (p *peer) wanted(t *testing.T, vols ...*volume.Volume) []selfheal.Volume {
	t.Helper()
	var out []selfheal.Volume
	for _, v := range vols {
		s, err := p.Lib.Spec("shd/"+v.Name, volgen.Requester{Local: true})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, selfheal.Volume{Name: v.Name, Volfile: s.Text})
	}
	return out
}
