package gfrpc

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"gd2/pkg/api"
)

// DefaultMaxRecord is the size in bytes up to which a record is accepted unless the caller says otherwise. The calls
// that GlusterFS makes to a management daemon are below 1 KiB.
const DefaultMaxRecord = 1 << 20

const (
	lastFragment = 1 << 31
	// maxFragments bounds how long a record may be kept open with empty fragments. GlusterFS always sends one.
	maxFragments = 1024
	// firstChunk is what is allocated before any byte of a fragment has arrived.
	firstChunk = 4096
)

// ReadRecord reads one record (RFC 5531, record marking) of one or more fragments, at most limit bytes (0 means
// DefaultMaxRecord). It returns io.EOF if the stream ends before the record begins, io.ErrUnexpectedEOF if it ends
// inside, and an *api.Error of kind TooLarge for a record that says it is longer than limit. Memory grows with the
// bytes that arrive, not with the length that the sender announces.
func ReadRecord(r io.Reader, limit int) ([]byte, error) {
	if limit <= 0 {
		limit = DefaultMaxRecord
	}
	var rec []byte
	for fragment := range maxFragments {
		var mark [4]byte
		if _, err := io.ReadFull(r, mark[:]); err != nil {
			return nil, insideRecord(err, fragment > 0)
		}
		m := binary.BigEndian.Uint32(mark[:])
		n := int(m &^ lastFragment)
		if n > limit-len(rec) {
			return nil, api.Errorf(api.TooLarge, "RPC record of %d bytes: at most %d are accepted", len(rec)+n, limit)
		}
		var err error
		if rec, err = readFragment(r, rec, n); err != nil {
			return nil, insideRecord(err, true)
		}
		if m&lastFragment != 0 {
			return rec, nil
		}
	}
	return nil, api.Errorf(api.TooLarge, "RPC record of more than %d fragments", maxFragments)
}

// readFragment appends n bytes to rec, allocating at most as much again as has already arrived.
func readFragment(r io.Reader, rec []byte, n int) ([]byte, error) {
	for n > 0 {
		chunk := min(n, max(firstChunk, len(rec)))
		start := len(rec)
		rec = slices.Grow(rec, chunk)[:start+chunk]
		if _, err := io.ReadFull(r, rec[start:]); err != nil {
			return nil, err
		}
		n -= chunk
	}
	return rec, nil
}

func insideRecord(err error, inside bool) error {
	if inside && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// WriteRecord writes msg as one record of one fragment, in one Write.
func WriteRecord(w io.Writer, msg []byte) error {
	if len(msg) >= lastFragment {
		return api.Errorf(api.Internal, "RPC message of %d bytes does not fit in one fragment", len(msg))
	}
	rec := make([]byte, 4, 4+len(msg))
	binary.BigEndian.PutUint32(rec, lastFragment|uint32(len(msg))) // checked above
	_, err := w.Write(append(rec, msg...))
	return err
}
