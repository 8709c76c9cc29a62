package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// bystanders are daemons in a process of their own, which is this program again. Those that take no part in what is measured
// hear of every change all the same; on hosts of their own that would take nobody else's time, so their process runs only
// when no other has anything to do.
type bystanders struct {
	cmd   *exec.Cmd
	tell  io.WriteCloser
	hears *bufio.Scanner
}

// newBystanders starts the process.
func newBystanders(root string) (*bystanders, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-bystanders", root) //nolint:noctx // ends with its standard input
	cmd.Stderr = os.Stderr
	tell, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	hears, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &bystanders{cmd: cmd, tell: tell, hears: bufio.NewScanner(hears)}, cmd.Start()
}

// stepBack lets the process run only when no other has anything to do, from now on.
func (b *bystanders) stepBack(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "chrt", "--all-tasks", "--idle", "--pid", "0", strconv.Itoa(b.cmd.Process.Pid)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("chrt: %w: %s", err, out)
	}
	return nil
}

// start starts a daemon there.
func (b *bystanders) start(n int) error {
	answer, err := b.ask("start " + strconv.Itoa(n))
	if err == nil && answer != "started" {
		err = errors.New(answer)
	}
	return err
}

// memory is what the process takes of memory.
func (b *bystanders) memory() (m memory, err error) {
	answer, err := b.ask("memory")
	if err == nil {
		_, err = fmt.Sscan(answer, &m.resident, &m.heap)
	}
	return m, err
}

// cpu is the time of processors that the process has used.
func (b *bystanders) cpu() (time.Duration, error) {
	answer, err := b.ask("cpu")
	if err != nil {
		return 0, err
	}
	return time.ParseDuration(answer)
}

func (b *bystanders) ask(question string) (string, error) {
	if _, err := fmt.Fprintln(b.tell, question); err != nil {
		return "", err
	}
	if !b.hears.Scan() {
		return "", errors.Join(errors.New("the process of the bystanders has ended"), b.hears.Err())
	}
	return b.hears.Text(), nil
}

// close ends the process and waits for it.
func (b *bystanders) close() error {
	return errors.Join(b.tell.Close(), b.cmd.Wait())
}

// stand is the process itself: it does what it is told until its standard input ends.
func stand(ctx context.Context, root string) error {
	p := &pool{root: root}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if _, err := fmt.Println(p.answer(ctx, lines.Text())); err != nil {
			return err
		}
	}
	return errors.Join(lines.Err(), p.stop())
}

// answer does what one line says, and returns what to say to it.
func (p *pool) answer(ctx context.Context, line string) (said string) {
	var err error
	switch n, start := strings.CutPrefix(line, "start "); {
	case start:
		var number int
		if number, err = strconv.Atoi(n); err == nil {
			err = p.run(ctx, number)
		}
		said = "started"
	case line == "cpu":
		said = ownCPU().String()
	default:
		var m memory
		m, err = ownMemory()
		said = fmt.Sprint(m.resident, m.heap)
	}
	if err != nil {
		return strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return said
}
