package revert_test

import (
	"errors"
	"slices"
	"testing"

	"gd2/pkg/revert"
)

func record(s *revert.Stack, log *[]string, name string, err error) {
	s.Add("take back "+name, func() error {
		*log = append(*log, name)
		return err
	})
}

func TestFailUndoesNewestFirstAndOnce(t *testing.T) {
	var s revert.Stack
	var log []string
	broken := errors.New("disk on fire")
	record(&s, &log, "a", nil)
	record(&s, &log, "b", broken)
	record(&s, &log, "c", nil)
	err := s.Fail()
	if !errors.Is(err, broken) || err.Error() != "undo: take back b: disk on fire" {
		t.Errorf("Fail() = %v", err)
	}
	if !slices.Equal(log, []string{"c", "b", "a"}) {
		t.Errorf("undone %v, want c b a", log)
	}
	if err := s.Fail(); err != nil || len(log) != 3 {
		t.Errorf("the second Fail ran undos again: %v, %v", err, log)
	}
}

func TestSuccessKeepsTheWork(t *testing.T) {
	var s revert.Stack
	var log []string
	record(&s, &log, "a", nil)
	s.Success()
	if err := s.Fail(); err != nil || len(log) != 0 {
		t.Errorf("undone after Success: %v, %v", err, log)
	}
}

func TestFailInto(t *testing.T) {
	var s revert.Stack
	var log []string
	cause := errors.New("no space")
	record(&s, &log, "a", nil)
	err := cause
	s.FailInto(&err)
	if err.Error() != cause.Error() || len(log) != 1 {
		t.Errorf("FailInto left %v, undone %v; want the cause itself and one undo", err, log)
	}
	record(&s, &log, "b", errors.New("busy"))
	s.FailInto(&err)
	if !errors.Is(err, cause) || err.Error() != "no space\nundo: take back b: busy" {
		t.Errorf("FailInto left %v", err)
	}
	record(&s, &log, "c", nil)
	err = nil
	s.FailInto(&err)
	if err != nil || len(log) != 2 {
		t.Errorf("FailInto without an error undid something: %v", log)
	}
}
