package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// PIDFile is the daemon's pid file, held by a lock so that two daemons cannot have one.
type PIDFile struct{ file *os.File }

// TakePIDFile writes the process id to a file and locks it; an empty path does nothing. It fails if another daemon holds
// the file.
func TakePIDFile(path string) (*PIDFile, error) {
	if path == "" {
		return &PIDFile{}, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("pidfile %s is held by another daemon", path), f.Close())
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &PIDFile{file: f}, nil
}

// Release removes the file.
func (p *PIDFile) Release() error {
	if p.file == nil {
		return nil
	}
	return errors.Join(os.Remove(p.file.Name()), p.file.Close())
}
