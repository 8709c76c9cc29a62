package brick_test

import (
	"errors"
	"os"
	"strings"

	"gd2/glusterd2/brick"
)

// errFault is what a call fails with when a test makes it.
var errFault = errors.New("fault made by the test")

// faulty is the real OS, but the call with number failAt, counted from 0, fails. after says whether it does its work
// first. Stat results can be changed per path.
type faulty struct {
	brick.System
	failAt int
	after  bool
	dead   bool     // every later call fails too, as if the daemon had been killed
	only   brick.Op // if set only calls for it count
	err    error    // instead of errFault
	calls  int
	stats  map[string]brick.Stat
	// top is the test's own folder. Nothing above it bears marks, whatever this machine's folders are used for.
	top string
}

// newFaulty returns an OS without faults.
func newFaulty(top string) *faulty { return &faulty{failAt: -1, err: errFault, top: top} }

func (f *faulty) do(op brick.Op, call func() error) error {
	if f.only != "" && op != f.only {
		return call()
	}
	n := f.calls
	f.calls++
	if f.dead && n > f.failAt {
		return f.err
	}
	if n != f.failAt {
		return call()
	}
	if f.after {
		_ = call() // the fault counts
	}
	return f.err
}

func (f *faulty) Stat(op brick.Op, path string) (st brick.Stat, err error) {
	err = f.do(op, func() (err error) { st, err = f.System.Stat(op, path); return err })
	if s, ok := f.stats[path]; ok && err == nil {
		st.Device = s.Device
	}
	return st, err
}

func (f *faulty) RealPath(op brick.Op, path string) (real string, err error) {
	err = f.do(op, func() (err error) { real, err = f.System.RealPath(op, path); return err })
	return real, err
}

func (f *faulty) Getxattr(op brick.Op, path, name string) (v []byte, err error) {
	err = f.do(op, func() (err error) { v, err = f.System.Getxattr(op, path, name); return err })
	if !strings.HasPrefix(path, f.top) {
		return nil, err
	}
	return v, err
}

func (f *faulty) Setxattr(op brick.Op, path, name string, value []byte) error {
	return f.do(op, func() error { return f.System.Setxattr(op, path, name, value) })
}

func (f *faulty) Removexattr(op brick.Op, path, name string) error {
	return f.do(op, func() error { return f.System.Removexattr(op, path, name) })
}

func (f *faulty) Mkdir(op brick.Op, path string, mode os.FileMode) error {
	return f.do(op, func() error { return f.System.Mkdir(op, path, mode) })
}

func (f *faulty) Rename(op brick.Op, from, to string) error {
	return f.do(op, func() error { return f.System.Rename(op, from, to) })
}

func (f *faulty) Remove(op brick.Op, path string) error {
	return f.do(op, func() error { return f.System.Remove(op, path) })
}

func (f *faulty) RemoveAll(op brick.Op, path string) error {
	return f.do(op, func() error { return f.System.RemoveAll(op, path) })
}

func (f *faulty) ReadDir(op brick.Op, path string) (names []string, err error) {
	err = f.do(op, func() (err error) { names, err = f.System.ReadDir(op, path); return err })
	return names, err
}
