package gfrpc

import (
	"encoding/binary"

	"gd2/pkg/api"
)

// Reader decodes XDR (RFC 4506) from a message held in memory. The first failure sticks: every later read returns a
// zero value, so that a decoder can read all its fields and check Err once.
type Reader struct {
	buf []byte
	err error
}

// NewReader returns a Reader over b. Opaque values are returned as parts of b, not as copies.
func NewReader(b []byte) *Reader { return &Reader{buf: b} }

// Err returns the first failure, an *api.Error of kind Invalid, or nil.
func (r *Reader) Err() error { return r.err }

// Rest returns the bytes that were not read yet, or nil after a failure.
func (r *Reader) Rest() []byte {
	if r.err != nil {
		return nil
	}
	return r.buf
}

// Uint32 reads an unsigned integer (and an enum, and a bool).
func (r *Reader) Uint32() uint32 {
	b := r.take(4, "a 32-bit number")
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// Int32 reads a signed integer.
func (r *Reader) Int32() int32 { return int32(r.Uint32()) } // two's complement is what XDR says

// Uint64 reads an unsigned hyper.
func (r *Reader) Uint64() uint64 {
	b := r.take(8, "a 64-bit number")
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// Opaque reads variable-length bytes, at most limit of them. Padding is skipped and its value not checked, as
// GlusterFS does. Padding may be missing at the very end of a message.
func (r *Reader) Opaque(limit int) []byte {
	n := r.Uint32()
	if r.err != nil {
		return nil
	}
	if uint64(n) > uint64(max(limit, 0)) {
		r.fail("opaque value of %d bytes: at most %d are allowed", n, limit)
		return nil
	}
	b := r.take(int(n), "an opaque value")
	pad := min(int(-n&3), len(r.buf))
	r.buf = r.buf[pad:]
	return b
}

// String reads a string of at most limit bytes. The bytes need not be UTF-8: brick paths are arbitrary.
func (r *Reader) String(limit int) string { return string(r.Opaque(limit)) }

func (r *Reader) take(n int, what string) []byte {
	if r.err != nil {
		return nil
	}
	if len(r.buf) < n {
		r.fail("message ends inside %s: %d bytes needed, %d left", what, n, len(r.buf))
		return nil
	}
	b := r.buf[:n:n]
	r.buf = r.buf[n:]
	return b
}

func (r *Reader) fail(format string, args ...any) {
	r.err = api.Errorf(api.Invalid, format, args...)
	r.buf = nil
}

// Writer encodes XDR. The zero Writer is ready; the methods return it so that a message reads as one expression.
type Writer struct {
	buf []byte
}

// Bytes returns what was written.
func (w *Writer) Bytes() []byte { return w.buf }

// Uint32 writes an unsigned integer.
func (w *Writer) Uint32(v uint32) *Writer {
	w.buf = binary.BigEndian.AppendUint32(w.buf, v)
	return w
}

// Int32 writes a signed integer.
func (w *Writer) Int32(v int32) *Writer { return w.Uint32(uint32(v)) } // two's complement

// Uint64 writes an unsigned hyper.
func (w *Writer) Uint64(v uint64) *Writer {
	w.buf = binary.BigEndian.AppendUint64(w.buf, v)
	return w
}

// Opaque writes variable-length bytes and their padding.
func (w *Writer) Opaque(b []byte) *Writer {
	w.Uint32(uint32(len(b))) // messages are far below 4 GiB, WriteRecord refuses those that are not
	w.buf = append(w.buf, b...)
	return w.pad(len(b))
}

// String writes a string and its padding.
func (w *Writer) String(s string) *Writer {
	w.Uint32(uint32(len(s))) // as in Opaque
	w.buf = append(w.buf, s...)
	return w.pad(len(s))
}

// Raw writes bytes as they are, without length or padding: a part that was encoded before.
func (w *Writer) Raw(b []byte) *Writer {
	w.buf = append(w.buf, b...)
	return w
}

func (w *Writer) pad(n int) *Writer {
	for ; n%4 != 0; n++ {
		w.buf = append(w.buf, 0)
	}
	return w
}
