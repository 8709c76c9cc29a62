// Command demo shows gd2 at work on one machine: three peers, each in namespaces of its own, form a trusted pool and
// serve a replicated volume that loses a brick and heals. `make demo` builds what it needs and runs it, as root.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"gd2/e2e/lab"
)

func main() {
	if code, first := lab.RunFirstProcess(); first {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Stdout, os.Getenv("KEEP") != "")
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run lays the lab, plays the demo and takes everything away again.
func run(ctx context.Context, out io.Writer, keep bool) (err error) {
	d := &demo{out: out}
	d.title("Three peers on this machine: each has a network, a disk and processes of its own")
	d.lab, err = lab.New(ctx, lab.Options{Peers: 3, Bin: "bin"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.lab.Close()) }()
	for _, p := range d.lab.Peers() {
		d.say("%s is %s", p.Name, p.Addr)
	}
	for _, scene := range []func(context.Context) error{d.daemons, d.peers, d.volume, d.mount, d.crash, d.heal, d.status} {
		if err := scene(ctx); err != nil {
			return errors.Join(err, d.keepLogs())
		}
	}
	if keep {
		d.stayUp(ctx)
	}
	d.title("Done: everything is taken away again")
	return nil
}

// demo tells what happens while it happens.
type demo struct {
	lab *lab.Lab
	out io.Writer
}

func (d *demo) title(text string) { fmt.Fprintf(d.out, "\n== %s\n", text) }

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, "   "+format+"\n", args...) }

// do shows a command as a user would type it on a peer, runs it there and shows what it says.
func (d *demo) do(ctx context.Context, n int, command string) error {
	p := d.lab.Peer(n)
	fmt.Fprintf(d.out, "%s# %s\n", p.Name, command)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := p.Command(ctx, "bash", "-c", command)
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			d.say("%s", lines.Text())
		}
	}()
	err := cmd.Run()
	_ = w.Close() // a pipe's writer cannot fail to close
	<-shown
	if err != nil {
		return fmt.Errorf("%s: %s: %w", p.Name, command, err)
	}
	return nil
}

// all does one command after the other on a peer.
func (d *demo) all(ctx context.Context, n int, commands ...string) error {
	for _, c := range commands {
		if err := d.do(ctx, n, c); err != nil {
			return err
		}
	}
	return nil
}

// keepLogs saves the logs of a demo that failed.
func (d *demo) keepLogs() error {
	dir, err := os.MkdirTemp("", "gd2-demo-logs-")
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nThe logs of the peers are kept in %s\n", dir)
	return d.lab.SaveLogs(dir)
}

// stayUp tells how to use the pool and waits for Ctrl-C.
func (d *demo) stayUp(ctx context.Context) {
	d.title("The pool stays up until Ctrl-C here. In another terminal, as root:")
	for _, p := range d.lab.Peers() {
		d.say("nsenter -t %d -m -n -p -u -i -- bash -l    # a shell on %s", p.PID(), p.Name)
	}
	d.say("nsenter -t %d -m -n -p -u -i -- glustercli volume status", d.lab.Peer(1).PID())
	d.say("ls %s    # the mounted volume, from outside", d.lab.Peer(1).Path(mountPoint))
	<-ctx.Done()
}

// indent joins lines for one say.
func indent(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n   ") }
