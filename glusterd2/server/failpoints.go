//go:build failpoints

package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"gd2/transaction"
)

// Files of the run directory by which a test says where the daemon dies, and learns where it could.
const (
	// failpointFile holds one point; the daemon that comes to it removes the file and kills itself.
	failpointFile = "failpoint"
	// failpointTrace, if it is there, gets a line for each point that the daemon passes.
	failpointTrace = "failpoint.trace"
)

// failpoints makes the daemon die at chosen points of transactions: "OPERATION EVENT [STEP [undo]]", where EVENT is one of
// transaction.EventKind on the coordinator, or do-begin and do-end on a peer. Only daemons built for tests have it (-tags failpoints).
func failpoints(cfg *transaction.Config, dir string) {
	cfg.Hook = func(ev transaction.Event) error {
		passFailpoint(dir, ev.Operation, string(ev.Kind), ev.Step, ev.Undo)
		return nil
	}
	cfg.Around = func(ctx context.Context, s transaction.StepInfo, do func(context.Context) error) error {
		passFailpoint(dir, s.Operation, "do-begin", s.Step, s.Undo)
		err := do(ctx)
		passFailpoint(dir, s.Operation, "do-end", s.Step, s.Undo)
		return err
	}
}

func passFailpoint(dir, operation, event, step string, undo bool) {
	name, _, _ := strings.Cut(operation, "@")
	words := []string{name, event}
	if step != "" {
		words = append(words, step)
	}
	if undo {
		words = append(words, "undo")
	}
	point := strings.Join(words, " ")
	if f, err := os.OpenFile(filepath.Join(dir, failpointTrace), os.O_APPEND|os.O_WRONLY, 0); err == nil {
		_, _ = fmt.Fprintln(f, point)
		_ = f.Close()
	}
	file := filepath.Join(dir, failpointFile)
	if text, err := os.ReadFile(file); err != nil || strings.TrimSpace(string(text)) != point {
		return
	}
	if os.Remove(file) == nil { // only one of several goroutines
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	select {} // it does not get any further
}
