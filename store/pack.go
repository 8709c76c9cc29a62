package store

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"

	"gd2/pkg/api"
)

// packedMark is the first byte of a value that is compressed. JSON never begins with it.
const packedMark = 0

// maxUnpacked bounds what a packed value may hold: more than a Commit takes is not packed.
const maxUnpacked = maxCommitBytes

// packers and unpackers are kept for the next value: to make one costs thirty times what it does. What was packed without the words
// is unpacked with them as well.
var (
	dictionary = []byte(words)

	packers = sync.Pool{New: func() any {
		w, _ := flate.NewWriterDict(io.Discard, flate.DefaultCompression, dictionary) // it knows the level
		return w
	}}
	unpackers = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}
)

// unpacker is what flate's reader is.
type unpacker interface {
	io.Reader
	flate.Resetter
}

// pack returns a value compressed, or as it is if that is not smaller.
func pack(value []byte) []byte {
	if len(value) > maxUnpacked {
		return value
	}
	w, _ := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	out := bytes.NewBuffer(make([]byte, 0, len(value)+16))
	out.WriteByte(packedMark)
	w.Reset(out)
	if _, err := w.Write(value); err != nil || w.Close() != nil || out.Len() >= len(value) {
		return value
	}
	return bytes.Clone(out.Bytes())
}

// unpack returns the JSON of a value, packed or not.
func unpack(value []byte) ([]byte, error) {
	if len(value) == 0 || value[0] != packedMark {
		return value, nil
	}
	r, _ := unpackers.Get().(unpacker)
	defer unpackers.Put(r)
	if err := r.Reset(bytes.NewReader(value[1:]), dictionary); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err == nil && len(text) > maxUnpacked {
		err = api.Errorf(api.TooLarge, "it holds more than %d bytes", maxUnpacked)
	}
	return text, err
}
