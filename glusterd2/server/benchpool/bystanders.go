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
)

// bystanders are the daemons that take no part in what is measured. They hear of every change, and on hosts of their own
// that would take nobody else's time; so they live in a process that runs only when no other has anything to do. It is this program again.
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
	cmd := exec.Command("chrt", "--idle", "0", self, "-bystanders", root) //nolint:noctx // ends with its standard input
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

// start starts a daemon there.
func (b *bystanders) start(n int) error {
	answer, err := b.ask("start " + strconv.Itoa(n))
	if err == nil && answer != "started" {
		err = errors.New(answer)
	}
	return err
}

// memory is the resident memory and the live heap of the process, in MiB.
func (b *bystanders) memory() (resident, heap float64, err error) {
	answer, err := b.ask("memory")
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(answer, &resident, &heap)
	return resident, heap, err
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
		answer := "started"
		if n, ok := strings.CutPrefix(lines.Text(), "start "); ok {
			number, err := strconv.Atoi(n)
			if err == nil {
				err = p.run(ctx, number)
			}
			if err != nil {
				answer = strings.ReplaceAll(err.Error(), "\n", "; ")
			}
		} else {
			resident, heap, err := ownMemory()
			if err != nil {
				return err
			}
			answer = fmt.Sprint(resident, heap)
		}
		if _, err := fmt.Println(answer); err != nil {
			return err
		}
	}
	return errors.Join(lines.Err(), p.stop())
}
