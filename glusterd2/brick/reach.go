package brick

import (
	"errors"

	"gd2/glusterd2/process"
	"gd2/pkg/api"
)

// Reach is how the process that serves a brick is asked. Bricks that share a process share its socket; the path of a brick
// is its name there.
type Reach struct {
	Pid int
	// Socket is the process's unix socket for brick operations.
	Socket string
}

// Reach finds the process that serves a brick. Errors are *api.Error: Unavailable if it does not run.
func (h *Host) Reach(s Spec) (Reach, error) {
	p, err := h.find(s)
	if errors.Is(err, process.ErrNotRunning) || errors.Is(err, errBusy) {
		return Reach{}, api.Errorf(api.Unavailable, "the brick does not run")
	}
	if err != nil {
		return Reach{}, api.Errorf(api.Internal, "%v", err)
	}
	socket, ok := p.Arg("-S")
	if !ok {
		return Reach{}, api.Errorf(api.Internal, "the brick's process %d was started without a socket", p.Pid())
	}
	return Reach{Pid: p.Pid(), Socket: socket}, nil
}
