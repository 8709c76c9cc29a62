package gfrpc_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

func TestReadRecord(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789"), 10000)
	var bigRecord bytes.Buffer
	if err := gfrpc.WriteRecord(&bigRecord, big); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ in, want string }{
		"one fragment":    {"\x80\x00\x00\x03abc", "abc"},
		"empty":           {"\x80\x00\x00\x00", ""},
		"three fragments": {"\x00\x00\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x01b\x80\x00\x00\x02cd", "abcd"},
		"last is empty":   {"\x00\x00\x00\x02ab\x80\x00\x00\x00", "ab"},
		"big":             {bigRecord.String(), string(big)},
	} {
		r := bytes.NewReader([]byte(test.in + "rest"))
		got, err := gfrpc.ReadRecord(r, 0)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %d bytes, %v; want %d bytes", name, len(got), err, len(test.want))
		}
		if r.Len() != 4 {
			t.Errorf("%s: %d bytes left of the 4 behind the record", name, r.Len())
		}
	}
}

func TestReadRecordRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		in    string
		limit int
		check func(error) bool
	}{
		"nothing":        {"", 0, func(err error) bool { return errors.Is(err, io.EOF) }},
		"half a mark":    {"\x80\x00", 0, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		"half a record":  {"\x80\x00\x00\x03ab", 0, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		"no last":        {"\x00\x00\x00\x01a", 0, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		"over the limit": {"\x80\x00\x00\x03abc", 2, tooLarge},
		"sum over it":    {"\x00\x00\x00\x02ab\x80\x00\x00\x01c", 2, tooLarge},
		"absurd":         {"\xff\xff\xff\xff", 0, tooLarge},
		"only fragments": {string(bytes.Repeat([]byte{0, 0, 0, 0}, 2000)), 0, tooLarge},
	} {
		if got, err := gfrpc.ReadRecord(bytes.NewReader([]byte(test.in)), test.limit); !test.check(err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func tooLarge(err error) bool { return api.IsKind(err, api.TooLarge) }

// A length that is announced but does not come costs next to nothing, however high the limit.
func TestHostileLengthAllocatesLittle(t *testing.T) {
	hostile := append([]byte{0xbf, 0xff, 0xff, 0xff}, make([]byte, 100)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		if _, err := gfrpc.ReadRecord(bytes.NewReader(hostile), 1<<31-1); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		if _, err := gfrpc.ParseDict([]byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 'a', 0}); err == nil {
			t.Fatal("absurd count accepted")
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 2<<20 {
		t.Errorf("100 hostile messages took %d bytes", grown)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriteRecordFails(t *testing.T) {
	if err := gfrpc.WriteRecord(brokenWriter{}, []byte("a")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want that of the stream", err)
	}
}
