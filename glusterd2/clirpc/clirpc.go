// Package clirpc is the edge towards GlusterFS' own command gluster: it decodes the dictionaries of the command, calls what
// REST calls, and encodes the answers in the form in which the command prints them. glusterd2/sunrpc brings the calls.
//
// What keys a request has and an answer needs is known from traces of gluster 10.3 with its own daemon.
package clirpc

import (
	"context"
	"maps"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// defaultPatience is how long a command may take. The command gluster waits two minutes, then says nothing of use.
const defaultPatience = 110 * time.Second

// Config is what a Server needs.
type Config struct {
	Peers      Peers
	Volumes    Volumes
	Options    Options
	Cluster    Cluster
	Bricks     Bricks
	Shrink     Shrink
	Replacing  Replacing
	Rebalance  Rebalance
	Healing    Healing
	Diagnosis  Diagnosis
	Processes  Processes
	Quotas     Quotas
	State      State
	Files      Files
	Operations Operations
	Tools      Tools
	// Written tells of which options glusterd does not say that their value is a default although nobody has set them.
	Written func(option string) bool
	// PeerID is this peer, which the command calls localhost.
	PeerID string
	// WorkDir is what system:: getwd answers.
	WorkDir string
	// Waiting says what this peer waits for while it has no quorum; empty if it has one.
	Waiting func() string
	// Sync waits until this peer knows all that was committed before the call, or says why it cannot.
	Sync func(ctx context.Context) error
	// Refuse says why this peer answers nothing at all, such as that it was detached; nil if it does answer.
	Refuse func() *api.Error
	// History is told of each change that was asked for once it has ended, in the words of the command. Nil tells nobody.
	History func(command string, failed error)
	Log     *logrus.Entry
	// Patience bounds a command, the wait for others that hold what it needs included (110 s).
	Patience time.Duration
}

// Operations waits until a transaction has ended, or is stuck, or ctx ends.
type Operations interface {
	Wait(ctx context.Context, id string) (api.Operation, error)
}

// Server answers the calls of the command gluster. It has no state.
type Server struct{ cfg Config }

// New returns a Server.
func New(cfg Config) *Server {
	if cfg.Patience <= 0 {
		cfg.Patience = defaultPatience
	}
	return &Server{cfg}
}

// Service is the whole program, for root.
func (s *Server) Service() gfrpc.Service {
	all := s.ReadOnly().Procedures
	for number, p := range map[uint32]gfrpc.Procedure{
		gfrpc.ProcCLIProbe:         s.change("peer probe", s.probe),
		gfrpc.ProcCLIDeprobe:       s.change("peer detach", s.detach),
		gfrpc.ProcCLICreateVolume:  s.change("volume create", s.create),
		gfrpc.ProcCLIStartVolume:   s.change("volume start", s.start),
		gfrpc.ProcCLIStopVolume:    s.change("volume stop", s.stop),
		gfrpc.ProcCLIDeleteVolume:  s.change("volume delete", s.remove),
		gfrpc.ProcCLISetVolume:     s.change("volume set", s.set),
		gfrpc.ProcCLIResetVolume:   s.change("volume reset", s.reset),
		gfrpc.ProcCLIAddBrick:      s.change("volume add-brick", s.addBrick),
		gfrpc.ProcCLIRemoveBrick:   s.change("volume remove-brick", s.removeBrick),
		gfrpc.ProcCLIReplaceBrick:  s.change("volume replace-brick", s.replaceBrick),
		gfrpc.ProcCLIResetBrick:    s.change("volume reset-brick", s.resetBrick),
		gfrpc.ProcCLIDefragVolume:  s.change("volume rebalance", s.defrag),
		gfrpc.ProcCLIHealVolume:    s.change("volume heal", s.heal),
		gfrpc.ProcCLIProfileVolume: s.change("volume profile", s.stats),
		gfrpc.ProcCLIStatedump:     s.change("volume statedump", s.statedump),
		gfrpc.ProcCLILogRotate:     s.change("volume log rotate", s.rotate),
		gfrpc.ProcCLIBarrier:       s.change("volume barrier", s.barrier),
		gfrpc.ProcCLIClearLocks:    s.change("volume clear-locks", s.clearLocks),
		gfrpc.ProcCLISyncVolume:    s.change("volume sync", s.sync),
		gfrpc.ProcCLIQuota:         s.change("volume quota", s.quota),
		gfrpc.ProcCLIGetState:      s.read(s.getState),
		gfrpc.ProcCLIMount:         refuseMount(true),
		gfrpc.ProcCLIUmount:        refuseMount(false),
		gfrpc.ProcCLIFSMLog:        s.fsmLog,
	} {
		all[number] = p
	}
	maps.Copy(all, s.toolCommands())
	for number, why := range refused() {
		all[number] = s.read(func(context.Context, gfrpc.Dict) (answer, error) {
			return answer{}, api.Errorf(api.NotSupported, "%s", why)
		})
	}
	return gfrpc.Service{Program: gfrpc.ProgramCLI, Procedures: all}
}

// ReadOnly is the part of the program that changes nothing, for everybody.
func (s *Server) ReadOnly() gfrpc.Service {
	return gfrpc.Service{Program: gfrpc.ProgramCLIReadOnly, Procedures: map[uint32]gfrpc.Procedure{
		gfrpc.ProcCLIListFriends:  s.listFriends,
		gfrpc.ProcCLIGetVolume:    s.read(s.getVolume),
		gfrpc.ProcCLIListVolume:   s.read(s.listVolumes),
		gfrpc.ProcCLIStatusVolume: s.read(s.status),
		gfrpc.ProcCLIGetOption:    s.read(s.getOption),
		gfrpc.ProcCLIUUIDGet:      s.read(s.uuid),
		gfrpc.ProcCLIGetwd:        s.getwd,
	}}
}
