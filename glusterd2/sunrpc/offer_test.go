package sunrpc_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"gd2/glusterd2/sunrpc"
	"gd2/pkg/gfrpc"
)

// echoes answers one procedure with its argument and a mark.
func echoes(p gfrpc.Program, mark string) gfrpc.Service {
	return gfrpc.Service{Program: p, Procedures: map[uint32]gfrpc.Procedure{
		1: func(_ context.Context, args *gfrpc.Reader) ([]byte, error) {
			return new(gfrpc.Writer).String(mark + args.String(100)).Bytes(), nil
		},
	}}
}

// Two programs of one number: each connection gets the one that is for it, and sees no other.
func TestOffer(t *testing.T) {
	b := newLab(t, nil)
	b.Offer(
		sunrpc.Offer{Service: echoes(gfrpc.ProgramCLI, "all "), For: func(o sunrpc.Origin) bool { return o.Unix && o.Local }},
		sunrpc.Offer{Service: echoes(gfrpc.ProgramCLIReadOnly, "some "), For: func(o sunrpc.Origin) bool { return !o.Unix }},
	)
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.ServeRoot(ctx, l) }()
	local, err := gfrpc.Dial(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	for c, want := range map[*gfrpc.Client]string{b.dial(t): "some ", local: "all "} {
		if got := call(t, c, gfrpc.ProgramCLI, 1, new(gfrpc.Writer).String("x")).String(100); got != want+"x" {
			t.Errorf("answer %q, want %q", got, want+"x")
		}
		r := call(t, c, gfrpc.ProgramDump, gfrpc.ProcDump, new(gfrpc.Writer).Uint64(1))
		seen := 0
		for r.Uint64(); r.Err() == nil && len(r.Rest()) > 12; {
			r.Uint32()
			if name := r.String(100); name == gfrpc.ProgramCLI.Name || name == gfrpc.ProgramCLIReadOnly.Name {
				seen++
			}
			r.Uint64()
			r.Uint64()
		}
		if seen > 1 {
			t.Errorf("%d programs of the number are listed", seen)
		}
	}
	_ = local.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
