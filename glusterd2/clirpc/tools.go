package clirpc

import (
	"context"
	"fmt"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Tools does what GlusterFS' own tools ask of all hosts of the pool.
type Tools interface {
	// CopyFile puts a file on all peers; source is its path below the working directory.
	CopyFile(ctx context.Context, source string) error
	// Execute runs a script of the tools on all peers and returns what each has written.
	Execute(ctx context.Context, name string, args []string) ([]string, error)
}

// toolCommands are system:: copy file and system:: execute, which glusterfind and others call.
func (s *Server) toolCommands() map[uint32]gfrpc.Procedure {
	return map[uint32]gfrpc.Procedure{
		gfrpc.ProcCLICopyFile: s.change("system:: copy file", s.copyFile), gfrpc.ProcCLISysExec: s.change("system:: execute", s.execute),
	}
}

func (s *Server) copyFile(ctx context.Context, in gfrpc.Dict) (answer, error) {
	return answer{dict: echo(in)}, s.cfg.Tools.CopyFile(ctx, in.String("source"))
}

// maxToolArgs bounds what is read of a request; the service has a limit of its own.
const maxToolArgs = 1000

func (s *Server) execute(ctx context.Context, in gfrpc.Dict) (answer, error) {
	n, _ := in.Int("cmd_args_count") // there is none without arguments
	if n < 0 || n > maxToolArgs {
		return answer{}, api.FieldErrorf("cmd_args_count", "cmd_args_count %d: it must be 0 to %d", n, maxToolArgs)
	}
	args := make([]string, n)
	for i := range args {
		args[i] = in.String(fmt.Sprintf("cmd_arg_%d", i+1))
	}
	lines, err := s.cfg.Tools.Execute(ctx, in.String("command"), args)
	if err != nil {
		return answer{}, err
	}
	out := echo(in)
	out.SetInt("output_count", int64(len(lines)))
	for i, l := range lines {
		out.SetString(fmt.Sprintf("output_%d", i+1), l)
	}
	return answer{dict: out}, nil
}
