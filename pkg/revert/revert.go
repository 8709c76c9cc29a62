// Package revert is an undo stack for work that is done piece by piece inside one function.
//
//	var r revert.Stack
//	defer r.Fail()
//	… do something …; r.Add("remove the directory", func() error { … })
//	… do the next thing …
//	r.Success()
package revert

import (
	"errors"
	"fmt"
)

// Stack remembers how to undo what was done so far. The zero value is ready for use. It is for one goroutine.
type Stack struct {
	undos []undo
}

type undo struct {
	what string
	f    func() error
}

// Add remembers an undo. what says in words what it does; it is the start of the error when it fails.
func (s *Stack) Add(what string, f func() error) {
	s.undos = append(s.undos, undo{what, f})
}

// Success forgets all undos: the work is to stay.
func (s *Stack) Success() { s.undos = nil }

// Fail runs the undos, newest first, and forgets them. One that fails does not keep the others from running; the
// errors come back joined. After Success, and the second time, it does nothing.
func (s *Stack) Fail() error {
	var errs []error
	for i := len(s.undos) - 1; i >= 0; i-- {
		if err := s.undos[i].f(); err != nil {
			errs = append(errs, fmt.Errorf("undo: %s: %w", s.undos[i].what, err))
		}
	}
	s.undos = nil
	return errors.Join(errs...)
}

// FailInto runs Fail if *err is set, and joins what the undos report to it. It is for a defer over a named result.
func (s *Stack) FailInto(err *error) {
	if *err != nil {
		*err = join(*err, s.Fail())
	}
}

// join keeps err itself when there is nothing to add, so that its type survives.
func join(err, more error) error {
	if more == nil {
		return err
	}
	return errors.Join(err, more)
}
