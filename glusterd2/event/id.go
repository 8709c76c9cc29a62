package event

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"gd2/pkg/api"
)

// MaxIndex is the highest index of an event within its revision.
const MaxIndex = 1<<14 - 1

// maxRevision is what fits into an id.
const maxRevision = 1<<60 - 1

// Position is a place in the history: right after an event.
type Position struct {
	Revision int64
	Index    int
}

// Before reports whether p comes before q.
func (p Position) Before(q Position) bool {
	return p.Revision < q.Revision || p.Revision == q.Revision && p.Index < q.Index
}

// AfterRevision is the place after all events of a revision.
func AfterRevision(rev int64) Position { return Position{Revision: rev, Index: MaxIndex} }

// tag is what tells the events of one pool from those of another: the first 48 bits of a digest of the pool's id.
func tag(poolID string) uint64 {
	sum := sha256.Sum256([]byte(poolID))
	return binary.BigEndian.Uint64(sum[:]) >> 16
}

// ID returns the id of the event at a position, as a UUID of version 8: 60 bits of revision, 14 of index, 48 of the
// pool's tag. The revision comes first, so that ids sort as the events happened.
func ID(p Position, poolID string) string {
	var u uuid.UUID
	rev := uint64(p.Revision) & maxRevision
	binary.BigEndian.PutUint64(u[:], rev>>12<<16|8<<12|rev&0xfff)
	binary.BigEndian.PutUint64(u[8:], 2<<62|uint64(p.Index&MaxIndex)<<48|tag(poolID))
	return u.String()
}

// ParseID is the inverse of ID; ours tells whether the event is of this pool. The error is Invalid.
func ParseID(id, poolID string) (p Position, ours bool, err error) {
	u, err := uuid.Parse(id)
	if err != nil || len(id) != 36 || u.Version() != 8 || u.Variant() != uuid.RFC4122 {
		return p, false, api.FieldErrorf("id", "%.60q is not the id of an event", id)
	}
	high, low := binary.BigEndian.Uint64(u[:]), binary.BigEndian.Uint64(u[8:])
	p = Position{Revision: int64(high>>16<<12 | high&0xfff), Index: int(low >> 48 & MaxIndex)}
	return p, low&(1<<48-1) == tag(poolID), nil
}

// Since is from where on somebody wants events.
type Since struct {
	// After is the place; the zero value is the beginning of the history.
	After Position
	// Time is used in place of After if it is not zero: events of that moment or later.
	Time time.Time
	// Foreign says that After is a place in the history of another pool.
	Foreign bool
}

// ParseSince reads the text in which somebody says so: the id of the last event that they have seen, a revision of the
// store, or a time (RFC 3339). The error is Invalid with the field since.
func ParseSince(text, poolID string) (Since, error) {
	if p, ours, err := ParseID(text, poolID); err == nil {
		return Since{After: p, Foreign: !ours}, nil
	}
	if rev, err := strconv.ParseInt(text, 10, 64); err == nil && rev >= 0 && rev <= maxRevision {
		return Since{After: AfterRevision(rev)}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil && t.Year() > 0 && t.Year() < math.MaxInt16 {
		return Since{Time: t}, nil
	}
	return Since{}, api.FieldErrorf("since", "since is %.60q: it must be the id of an event, a revision of the store such as 1234, or a time such as 2026-01-31T12:00:00Z", text)
}

// Filter picks events; the zero value picks all.
type Filter struct {
	// Names are names of events, or beginnings of names that end in ".*"; one must fit. No name fits all.
	Names []string
	// Volume, Peer and Operation must be those that the event is about: a volume's name or id, a peer's name or id, a
	// transaction's id.
	Volume, Peer, Operation string
}

// Check says what is wrong with the names. The error is Invalid with the field.
func (f Filter) Check(field string) error {
	for _, n := range f.Names {
		if !known(n) {
			return api.FieldErrorf(field, "there are no events called %.60q; names are such as %s or volume.*", n, api.EventVolumeStarted)
		}
	}
	return nil
}

func known(pattern string) bool {
	for _, name := range append(api.EventNames(), api.EventsLost, api.EventTest) {
		if fits(pattern, name) {
			return true
		}
	}
	return false
}

func fits(pattern, name string) bool {
	group, ok := strings.CutSuffix(pattern, "*")
	return pattern == name || ok && (group == "" || strings.HasSuffix(group, ".") && strings.HasPrefix(name, group))
}

// Match reports whether the event is one of those.
func (f Filter) Match(e *api.Event) bool {
	if len(f.Names) > 0 {
		found := false
		for _, n := range f.Names {
			found = found || fits(n, e.Name)
		}
		if !found {
			return false
		}
	}
	return either(f.Volume, e.Data[api.DataVolumeName], e.Data[api.DataVolumeID]) &&
		either(f.Peer, e.Data[api.DataPeerID], e.Data[api.DataPeerName]) && either(f.Operation, e.Data[api.DataOperationID])
}

// either reports whether nothing is wanted, or one of the values is.
func either(wanted string, values ...string) bool {
	if wanted == "" {
		return true
	}
	for _, v := range values {
		if v == wanted {
			return true
		}
	}
	return false
}
