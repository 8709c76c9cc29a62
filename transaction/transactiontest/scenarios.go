package transactiontest

import "fmt"

// failures lets each step fail once, before and after its work.
func (s *sweep) failures() {
	for _, v := range s.dos {
		for _, when := range []moment{before, after} {
			s.run(scenario{
				label: fmt.Sprintf("step %s fails on peer %s %s its work", v.step, v.peer, when),
				want:  s.wantOfFailure(v.step), faults: faults{fail: &fault{at: v, when: when}, undoTwice: when == after},
			})
		}
	}
	last := s.lastUndoable()
	if last == nil {
		return
	}
	for _, v := range s.dos {
		if s.forward(v.step) {
			continue
		}
		s.run(scenario{
			label: fmt.Sprintf("the unwinding of step %s fails once on peer %s", v.step, v.peer),
			want:  failed, faults: faults{fail: &fault{at: v, undo: true, when: before}, broken: last},
		})
	}
}

// lastUndoable returns the last visit whose failure unwinds all steps before it.
func (s *sweep) lastUndoable() *visit {
	for i := len(s.dos) - 1; i >= 0; i-- {
		if !s.forward(s.dos[i].step) {
			return &s.dos[i]
		}
	}
	return nil
}

// coordinatorKilled kills the coordinator after each event of a run that goes well, and of one that unwinds.
func (s *sweep) coordinatorKilled() {
	for _, late := range []bool{true, false} {
		for n, more := 1, true; more; n++ {
			more = s.run(scenario{
				label: fmt.Sprintf("the coordinator dies after its event %d, adopted by another: %v", n, late),
				want:  either, faults: faults{crash: &crash{event: n, late: late}},
			})
		}
		last := s.lastUndoable()
		for n, more := 1, last != nil; more; n++ {
			more = s.run(scenario{
				label: fmt.Sprintf("the coordinator dies after event %d of unwinding, adopted by another: %v", n, late),
				want:  failed, faults: faults{crash: &crash{event: n, unwinding: true, late: late}, broken: last},
			})
		}
	}
}

// peerKilled kills a peer at each of its steps.
func (s *sweep) peerKilled() {
	for _, v := range s.dos {
		for _, when := range []moment{before, inside, after} {
			for _, late := range []bool{true, false} {
				s.run(scenario{
					label: fmt.Sprintf("peer %s dies %s step %s, late back: %v", v.peer, when, v.step, late),
					want:  s.wantOfDeath(v, late), faults: faults{crash: &crash{fault: fault{at: v, when: when}, late: late}},
				})
			}
		}
		last := s.lastUndoable()
		if last == nil || s.forward(v.step) {
			continue
		}
		for _, when := range []moment{before, inside, after} {
			s.run(scenario{
				label: fmt.Sprintf("peer %s dies %s the undo of step %s", v.peer, when, v.step),
				want:  failed, faults: faults{crash: &crash{fault: fault{at: v, undo: true, when: when}, late: true}, broken: last},
			})
		}
	}
}

// wantOfDeath is what becomes of a transaction when a peer dies in a Do: past the pivot it is done in any case; before,
// it unwinds with its coordinator, or if the peer stays away, and is done if the peer is back in time.
func (s *sweep) wantOfDeath(v visit, late bool) expect {
	switch {
	case s.forward(v.step):
		return done
	case v.peer == s.coordinator() || late:
		return failed
	}
	return done
}
