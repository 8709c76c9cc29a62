package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"gd2/pkg/api"
)

// Kind is a typed family of records below one prefix of the key space. It is a plain value: make it once per type,
// from a prefix of keys.go.
type Kind[T any] struct {
	prefix  string
	version int
	shown   []string
	packed  bool
}

// Record is one record as the store has it. Its Value is shared by all readers and must not be modified: copy first.
type Record[T any] struct {
	// ID is the key without the prefix of the kind.
	ID    string
	Value T
	// Revision is the revision of the store that wrote the record last. It is what Update, Delete and MustBe compare.
	Revision int64
}

// Reader is what a Kind reads from. *Store implements it, from its copy in memory.
type Reader interface {
	lookup(key string) (*entry, bool)
	scan(prefix string) []*entry
}

// envelope is what every value on disk looks like, if it is not packed.
type envelope struct {
	Version int             `json:"v"`
	Data    json.RawMessage `json:"d"`
}

// NewKind makes the kind of the records below prefix, which is one of the Prefix constants. Version is the newest form
// of T: a record of a newer version is refused by Get and List and stays as it is.
func NewKind[T any](prefix string, version int) Kind[T] {
	return Kind[T]{prefix: prefix, version: version}
}

// Shows returns the kind with fields, by their JSON names, whose values are no secrets: a Change may show them.
func (k Kind[T]) Shows(fields ...string) Kind[T] {
	k.shown = fields
	return k
}

// Packed returns the kind with values that are compressed where that makes them smaller. It is for records of which many are
// kept and few are read. What was written before is read as well.
func (k Kind[T]) Packed() Kind[T] {
	k.packed = true
	return k
}

// Prefix returns the prefix of the kind's keys, for Subscribe.
func (k Kind[T]) Prefix() string { return k.prefix }

// ID returns the id of the record that has the key, and whether it is one of this kind.
func (k Kind[T]) ID(key string) (string, bool) { return strings.CutPrefix(key, k.prefix) }

// Get returns the record with the id, and whether there is one. The error tells of a record that cannot be decoded.
func (k Kind[T]) Get(r Reader, id string) (Record[T], bool, error) {
	e, ok := r.lookup(k.prefix + id)
	if !ok {
		return Record[T]{}, false, nil
	}
	rec, err := k.record(e)
	return rec, err == nil, err
}

// List returns all records of the kind, sorted by id. Records that cannot be decoded are left out and named in the
// error; the others are returned beside it.
func (k Kind[T]) List(r Reader) ([]Record[T], error) {
	entries := r.scan(k.prefix)
	recs := make([]Record[T], 0, len(entries))
	var errs []error
	for _, e := range entries {
		rec, err := k.record(e)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		recs = append(recs, rec)
	}
	return recs, unreadable(errs)
}

// unreadable is one error for those of several records.
func unreadable(errs []error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return api.Errorf(api.AsError(errs[0]).Kind, "%d records cannot be read: %v", len(errs), errors.Join(errs...))
}

// Create writes a record that must not exist.
func (k Kind[T]) Create(id string, v T) Write {
	w := k.put(id, v)
	w.rev = 0
	return w
}

// Update writes a record that must still be at revision rev.
func (k Kind[T]) Update(id string, v T, rev int64) Write {
	w := k.put(id, v)
	w.rev = rev
	if rev <= 0 && w.err == nil {
		w.err = api.Errorf(api.Internal, "update of %s names revision %d: take the revision of the record that was read", w.key, rev)
	}
	return w
}

// Delete removes a record that must still be at revision rev.
func (k Kind[T]) Delete(id string, rev int64) Write {
	w := Write{key: k.prefix + id, rev: rev, remove: true, err: k.checkID(id)}
	if rev <= 0 && w.err == nil {
		w.err = api.Errorf(api.Internal, "delete of %s names revision %d: take the revision of the record that was read", w.key, rev)
	}
	return w
}

// MustBe demands that the record is still at revision rev.
func (k Kind[T]) MustBe(id string, rev int64) Guard {
	g := Guard{key: k.prefix + id, rev: rev, err: k.checkID(id)}
	if rev <= 0 && g.err == nil {
		g.err = api.Errorf(api.Internal, "guard of %s names revision %d: use MustBeAbsent for a record that must not exist", g.key, rev)
	}
	return g
}

// MustBeAbsent demands that there is no record with the id.
func (k Kind[T]) MustBeAbsent(id string) Guard {
	return Guard{key: k.prefix + id, err: k.checkID(id)}
}

func (k Kind[T]) put(id string, v T) Write {
	w := Write{key: k.prefix + id, shown: k.shown, typed: v, err: k.checkID(id)}
	if w.err != nil {
		return w
	}
	data, err := marshal(v)
	if err != nil {
		w.err = api.Errorf(api.Internal, "record %s cannot be written as JSON: %v", w.key, err)
		return w
	}
	w.value, err = marshal(envelope{Version: k.version, Data: data})
	if err != nil {
		w.err = api.Errorf(api.Internal, "record %s cannot be written as JSON: %v", w.key, err)
	}
	if k.packed {
		w.value = pack(w.value)
	}
	return w
}

// marshal is json.Marshal without the escaping of <, > and &, which no one here reads as HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// maxID bounds the length of an id in bytes, so that no key is unreasonable.
const maxID = 1024

func (k Kind[T]) checkID(id string) error {
	single := !strings.HasSuffix(k.prefix, "/")
	switch {
	case !strings.HasPrefix(k.prefix, Root):
		return api.Errorf(api.Internal, "prefix %q of a kind of records is not one of the store's key space", k.prefix)
	case single && id != "":
		return api.Errorf(api.Internal, "%s is a single record: its id must be empty, not %q", k.prefix, id)
	case !single && id == "":
		return api.Errorf(api.Internal, "id of a record below %s is empty", k.prefix)
	case len(id) > maxID:
		return api.Errorf(api.Invalid, "id %.40q... of a record below %s has %d bytes: at most %d are allowed", id, k.prefix, len(id), maxID)
	case strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return api.Errorf(api.Invalid, "id %q of a record below %s contains a control character", id, k.prefix)
	}
	return nil
}

// record decodes an entry, once for each revision of it. The entry's key is below the prefix of the kind, so it is not looked at:
// lists are long.
func (k Kind[T]) record(e *entry) (Record[T], error) {
	id := e.key[len(k.prefix):]
	if p := e.decoded.Load(); p != nil {
		if v, ok := (*p).(T); ok {
			return Record[T]{ID: id, Value: v, Revision: e.rev}, nil
		}
	}
	v, err := k.decode(e)
	if err != nil {
		return Record[T]{}, err
	}
	memo := any(v)
	e.decoded.Store(&memo)
	return Record[T]{ID: id, Value: v, Revision: e.rev}, nil
}

func (k Kind[T]) decode(e *entry) (v T, err error) {
	var env envelope
	text, err := unpack(e.value)
	if err == nil {
		err = json.Unmarshal(text, &env)
	}
	if err != nil {
		return v, api.Errorf(api.Internal, "record %s is not readable: %v", e.key, err).With("key", e.key)
	}
	if env.Version > k.version {
		return v, api.Errorf(api.NotSupported, "record %s was written in version %d by a newer gd2; this one knows versions up to %d: upgrade this peer",
			e.key, env.Version, k.version).With("key", e.key)
	}
	if env.Version < 1 {
		return v, api.Errorf(api.Internal, "record %s names no version", e.key).With("key", e.key)
	}
	if err := json.Unmarshal(env.Data, &v); err != nil {
		return v, api.Errorf(api.Internal, "record %s is not readable: %v", e.key, err).With("key", e.key)
	}
	return v, nil
}
