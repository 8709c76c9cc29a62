package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// space is a set of namespaces, held by its first process.
type space struct {
	cmd   *exec.Cmd
	hold  io.Closer // closing it ends the first process
	ended bool
}

// newSpace starts the first process of new namespaces and waits until it has laid them out. It is this program
// again: its main must call RunFirstProcess before anything else.
func newSpace(ctx context.Context, flags uintptr, l layout) (*space, error) {
	plan, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	// Not CommandContext: the space outlives ctx, which bounds the laying only.
	cmd := exec.Command("/proc/self/exe") //nolint:noctx // ends with its standard input
	cmd.Args = []string{firstProcess, string(plan)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Setsid: true}
	var complaint strings.Builder
	cmd.Stderr = &complaint
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	ready, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &space{cmd: cmd, hold: hold}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	if line, err := bufio.NewReader(ready).ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("namespaces: %q: %w: ", line, err), s.end(), errors.New(complaint.String()))
	}
	return s, nil
}

// pid is the process id of the first process as this program sees it.
func (s *space) pid() int { return s.cmd.Process.Pid }

// endLimit bounds the end of a space: a process that the kernel cannot end must not hold up everything else.
const endLimit = time.Minute

// end ends the first process, and with it all others of the space, and waits until they are gone.
func (s *space) end() error {
	if s.ended {
		return nil
	}
	s.ended = true
	if err := s.hold.Close(); err != nil {
		return err
	}
	gone := make(chan error, 1)
	go func() { gone <- s.cmd.Wait() }()
	select {
	case err := <-gone:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return err
		}
		return nil
	case <-time.After(endLimit):
		return fmt.Errorf("the processes below %d have not ended within %v", s.pid(), endLimit)
	}
}

// ip runs lines of the ip command in the space's network.
func (s *space) ip(ctx context.Context, lines ...string) error {
	cmd := exec.CommandContext(ctx, "nsenter", "-t", strconv.Itoa(s.pid()), "-n", "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(lines, "; "), err, out)
	}
	return nil
}

// newBridge makes the network that joins the peers.
func newBridge(ctx context.Context) (*space, error) {
	s, err := newSpace(ctx, syscall.CLONE_NEWNET, layout{})
	if err != nil {
		return nil, err
	}
	if err := s.ip(ctx, "link set lo up", "link add br0 type bridge", "link set br0 up"); err != nil {
		return nil, errors.Join(err, s.end())
	}
	return s, nil
}

// children are the process ids of a process's children.
func children(pid int) ([]int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err
	}
	var out []int
	for field := range strings.FieldsSeq(string(text)) {
		n, err := strconv.Atoi(field)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}
