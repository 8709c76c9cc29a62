package runcmd

import (
	"context"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// runWhole runs a command whose output goes to files in memory: nobody has to read them for it to go on.
func runWhole(ctx context.Context, c Command, limit int) (Result, error) {
	stdout, err := memoryFile("stdout")
	if err != nil {
		return Result{ExitCode: -1}, err
	}
	defer stdout.Close()
	stderr, err := memoryFile("stderr")
	if err != nil {
		return Result{ExitCode: -1}, err
	}
	defer stderr.Close()
	cmd := command(ctx, c)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = stdout, stderr, wholeDelay
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	err = cmd.Run()
	out, tooMuch := head(stdout, limit)
	res := Result{Stdout: out, Stderr: tail(stderr, limit), ExitCode: cmd.ProcessState.ExitCode()}
	return res, failure(ctx, c, res, err, tooMuch)
}

func memoryFile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// head returns what a file begins with, and whether there is more.
func head(f *os.File, limit int) (text []byte, more bool) {
	text, _ = io.ReadAll(io.NewSectionReader(f, 0, int64(limit)+1)) // memory does not fail
	if len(text) > limit {
		return text[:limit], true
	}
	return text, false
}

// tail returns the last bytes of a file.
func tail(f *os.File, limit int) []byte {
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	from := max(info.Size()-int64(limit), 0)
	text, _ := io.ReadAll(io.NewSectionReader(f, from, int64(limit))) // as above
	return text
}
