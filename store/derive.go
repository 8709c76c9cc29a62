package store

import (
	"context"
	"slices"
	"strings"
	"time"
)

// derivePatience bounds the wait for the copy to have what a commit is about to change.
const derivePatience = 2 * time.Second

// Transition is one write of a commit that is about to be made, for Config.Derive. Kind.Changed tells its types.
type Transition struct {
	write   Write
	old     *entry // nil: absent, or unknown
	unknown bool   // the copy does not have the former value
}

// Changed is a Transition of a record of a kind.
type Changed[T any] struct {
	ID string
	// Old and New are the values before and after. Had and Has tell whether there are any; Old is shared by all readers.
	Old, New T
	Had, Has bool
	// Unknown says that there was a former value, which this peer does not know.
	Unknown bool
}

// Changed returns the change as one of the kind's records, and whether it is one.
func (k Kind[T]) Changed(c Transition) (Changed[T], bool) {
	out := Changed[T]{Unknown: c.unknown}
	id, ok := strings.CutPrefix(c.write.key, k.prefix)
	if !ok {
		return out, false
	}
	out.ID = id
	if !c.write.remove {
		if out.New, out.Has = c.write.typed.(T); !out.Has {
			return out, false
		}
	}
	if c.old == nil {
		return out, true
	}
	rec, err := k.record(c.old)
	out.Old, out.Had = rec.Value, err == nil
	out.Unknown = out.Unknown || err != nil
	return out, true
}

// derive adds to the writes what Config.Derive makes of them.
func (s *Store) derive(ctx context.Context, writes []Write) []Write {
	if s.cfg.Derive == nil {
		return writes
	}
	return append(slices.Clip(writes), s.cfg.Derive(s, s.changes(ctx, writes))...)
}

// changes looks up what the writes change. One that finds another revision in the copy than it demands will be refused
// by etcd, so that it does not matter what is made of it.
func (s *Store) changes(ctx context.Context, writes []Write) []Transition {
	var newest int64
	for _, w := range writes {
		newest = max(newest, w.rev)
	}
	if s.Revision() < newest {
		ctx, cancel := context.WithTimeout(ctx, derivePatience)
		defer cancel()
		_ = s.WaitRevision(ctx, newest) // without it the former value is unknown
	}
	out := make([]Transition, 0, len(writes))
	for _, w := range writes {
		c := Transition{write: w}
		if w.rev > 0 {
			if e, ok := s.lookup(w.key); ok && e.rev == w.rev {
				c.old = e
			}
			c.unknown = c.old == nil
		}
		out = append(out, c)
	}
	return out
}
