package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

// maxBody bounds what is read as the body of a raw request, in bytes.
const maxBody = 16 << 20

func (a *app) apiCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "api METHOD PATH [BODY]", Short: "Send a request to the REST interface as it is", Args: wants(2, 3),
		Long: "Send a request to the REST interface, signed as others are, and print the answer. BODY is JSON, @FILE, or - for standard input.",
		Example: `  glustercli api GET /v1/volumes
  glustercli api POST /v1/volumes/gv0/options '{"options":{"nfs.disable":"on"}}'`,
	}
	c.RunE = a.do("api", func(ctx context.Context, args []string) error {
		if a.dryRun {
			return asUsage(errDryRunRaw)
		}
		var body []byte
		if len(args) > 2 {
			var err error
			if body, err = a.body(args[2]); err != nil {
				return err
			}
		}
		answer, err := a.client.Raw(ctx, args[0], args[1], body)
		if err != nil {
			return err
		}
		return a.printRaw(answer)
	})
	return c
}

func (a *app) body(arg string) ([]byte, error) {
	var b []byte
	var err error
	switch {
	case arg == "-":
		b, err = io.ReadAll(io.LimitReader(a.In, maxBody))
	case strings.HasPrefix(arg, "@"):
		b, err = os.ReadFile(arg[1:])
	default:
		b = []byte(arg)
	}
	if err != nil {
		return nil, api.FieldErrorf("body", "the body cannot be read: %v", err)
	}
	return b, nil
}

// printRaw indents JSON and passes anything else through.
func (a *app) printRaw(answer []byte) error {
	var v any
	if a.format() == formatYAML && json.Unmarshal(answer, &v) == nil {
		return a.emit(v, func(io.Writer) {})
	}
	var out bytes.Buffer
	if json.Indent(&out, answer, "", "  ") != nil {
		out.Reset()
		out.Write(answer)
	}
	if n := out.Len(); n > 0 && out.Bytes()[n-1] != '\n' {
		out.WriteByte('\n')
	}
	if _, err := a.Out.Write(out.Bytes()); err != nil {
		return api.Errorf(api.Internal, "standard output: %v", err)
	}
	return nil
}
