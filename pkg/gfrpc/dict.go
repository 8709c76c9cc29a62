package gfrpc

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gd2/pkg/api"
)

// Dict is GlusterFS' dict_t as it travels in management messages: names with raw values and no types. Text values
// end in NUL and numbers are decimal text; the methods take care of both.
type Dict map[string][]byte

// Strings makes a Dict of text values.
func Strings(values map[string]string) Dict {
	d := make(Dict, len(values))
	for k, v := range values {
		d.SetString(k, v)
	}
	return d
}

// SetString stores text.
func (d Dict) SetString(key, value string) { d[key] = append([]byte(value), 0) }

// SetInt stores a number.
func (d Dict) SetInt(key string, value int64) { d.SetString(key, strconv.FormatInt(value, 10)) }

// String returns the text of key, up to its NUL; "" if there is none.
func (d Dict) String(key string) string {
	v, _, _ := bytes.Cut(d[key], []byte{0})
	return string(v)
}

// Int returns the number at key, and whether there is one.
func (d Dict) Int(key string) (int64, bool) {
	v, err := strconv.ParseInt(strings.TrimSpace(d.String(key)), 10, 64)
	return v, err == nil
}

// pairHeader is the size in bytes of the two lengths before each pair.
const pairHeader = 8

// Marshal encodes the dictionary, names in alphabetical order so that equal dictionaries are equal bytes. The layout
// is not XDR: a count, then for each pair two 32-bit big-endian lengths, the name, a NUL, and the value. A nil Dict
// becomes no bytes at all, which GlusterFS reads as "no dictionary".
func (d Dict) Marshal() []byte {
	if d == nil {
		return nil
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(len(d))) // far below 2^32
	for _, k := range slices.Sorted(maps.Keys(d)) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(k)))    // as above
		b = binary.BigEndian.AppendUint32(b, uint32(len(d[k]))) // as above
		b = append(append(append(b, k...), 0), d[k]...)
	}
	return b
}

// ParseDict decodes a dictionary; no bytes give an empty one. Of a name that is there twice the last value counts, as
// a lookup in GlusterFS finds it. Values are parts of b. The error is an *api.Error of kind Invalid.
func ParseDict(b []byte) (Dict, error) {
	if len(b) == 0 {
		return Dict{}, nil
	}
	r := NewReader(b)
	n := r.Uint32()
	// Each pair takes at least its header and the NUL: a count that cannot be true is refused before it costs memory.
	if uint64(n) > uint64(len(b)/(pairHeader+1)) {
		return nil, api.Errorf(api.Invalid, "dictionary of %d bytes cannot hold the %d pairs it announces", len(b), n)
	}
	d := make(Dict, n)
	for range n {
		key, value := r.pair()
		if r.Err() != nil {
			return nil, r.Err()
		}
		d[key] = value
	}
	return d, r.Err()
}

func (r *Reader) pair() (string, []byte) {
	keyLen, valueLen := r.Uint32(), r.Uint32()
	if left := uint64(len(r.Rest())); uint64(keyLen)+1+uint64(valueLen) > left {
		r.fail("dictionary pair of %d+%d bytes: only %d are left", keyLen, valueLen, left)
		return "", nil
	}
	key := string(r.take(int(keyLen), "a dictionary name"))
	r.take(1, "a dictionary name")
	return key, r.take(int(valueLen), "a dictionary value")
}
