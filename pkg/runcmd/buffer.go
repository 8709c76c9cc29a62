package runcmd

import "bytes"

// headBuffer takes up to limit bytes and then fails, which ends the command that writes.
type headBuffer struct {
	buf   bytes.Buffer
	limit int
	over  bool
}

// Write implements io.Writer.
func (b *headBuffer) Write(p []byte) (int, error) {
	if b.buf.Len()+len(p) > b.limit {
		b.over = true
		return 0, ErrTooMuch
	}
	return b.buf.Write(p)
}

// TailBuffer is a writer that keeps the last Limit bytes of what was written.
type TailBuffer struct {
	// Limit is in bytes.
	Limit int
	buf   []byte
}

// Write implements io.Writer; it never fails.
func (b *TailBuffer) Write(p []byte) (int, error) {
	b.buf = append(b.buf, p...)
	// Cutting only at twice the limit keeps many small writes cheap.
	if len(b.buf) > 2*b.Limit {
		b.buf = append(b.buf[:0], b.buf[len(b.buf)-b.Limit:]...)
	}
	return len(p), nil
}

// Bytes returns the last bytes written, at most Limit.
func (b *TailBuffer) Bytes() []byte {
	return b.buf[max(0, len(b.buf)-b.Limit):]
}
