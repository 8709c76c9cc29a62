package brick_test

import (
	"testing"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brick/bricktest"
	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer runs bricks.
type peer struct {
	*bricktest.Peer
	bricks *brick.Host
	// mux is how bricks that are started share processes.
	mux brick.Multiplex
	// address is where bricks listen; empty means everywhere.
	address string
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	p := &peer{Peer: bricktest.NewPeer(t)}
	p.bricks = p.newHost()
	return p
}

// newHost returns a Host as a daemon that just started has it.
func (p *peer) newHost() *brick.Host {
	return brick.NewHost(brick.Config{
		PeerID: p.ID, Layout: p.Layout, Address: p.address, SignIns: p.Ports, Ports: brick.NewPorts(0, 0), Log: bricktest.Quiet(),
		BrickOp: gfrpc.BrickOp, Attachments: p.RPC, Multiplex: func() brick.Multiplex { return p.mux },
		Volfile: func(s brick.Spec) (string, error) {
			spec, err := p.Lib.Spec(volgen.BrickKey(s.VolumeName, s.Host, s.Path), volgen.Requester{Local: true})
			return spec.Text, err
		},
	})
}

// add makes a distribute volume of one brick for each name and returns what is needed to run the bricks.
func (p *peer) add(t *testing.T, vol string, names ...string) (*volume.Volume, []brick.Spec) {
	t.Helper()
	var subvols []volume.Subvol
	for _, name := range names {
		subvols = append(subvols, volume.Subvol{Type: api.SubvolDistribute, Replica: 1, Bricks: []volume.Brick{{Path: name}}})
	}
	v, specs := p.Add(t, vol, subvols...)
	bricktest.StopAtEnd(t, p.bricks, specs)
	return v, specs
}

func (p *peer) prepareReq(v *volume.Volume, path string) brick.PrepareReq {
	return brick.PrepareReq{Where: p.Where(v.Name, path), VolumeID: v.ID, Mark: bricktest.Mark(v)}
}
