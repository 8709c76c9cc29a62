package store_test

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

var packed = store.NewKind[volume](store.PrefixEvents, 1).Packed()

// TestPacked writes records that are compressed, and reads what was written before they were.
func TestPacked(t *testing.T) {
	s := storetest.New(t)
	long := volume{Name: strings.Repeat("a name of some length, ", 40), Size: 7}
	key := packed.Prefix()
	rev := commit(t, s, packed.Create("long", long), packed.Create("short", volume{Name: "x"}))
	store.Raw(t, s, key+"former", `{"v":1,"d":{"name":"former","size":3}}`)
	store.Raw(t, s, key+"wordless", deflated(t, []byte(`{"v":1,"d":{"name":"packed without words","size":4}}`)))
	store.Raw(t, s, key+"damaged", "\x00what is this?")
	store.Raw(t, s, key+"bomb", deflated(t, make([]byte, store.MaxUnpacked+1)))
	if err := s.Sync(within(t)); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]volume{"long": long, "short": {Name: "x"}, "former": {Name: "former", Size: 3},
		"wordless": {Name: "packed without words", Size: 4}} {
		if rec, ok, err := packed.Get(s, id); err != nil || !ok || rec.Value != want {
			t.Errorf("%s is %+v, %v, %v", id, rec.Value, ok, err)
		}
	}
	for _, id := range []string{"damaged", "bomb"} {
		if _, _, err := packed.Get(s, id); !api.IsKind(err, api.Internal) || !strings.Contains(err.Error(), id) {
			t.Errorf("%s: %v", id, err)
		}
	}
	resp, err := store.Client(s).Get(t.Context(), key+"long")
	if err != nil || len(resp.Kvs) != 1 || len(resp.Kvs[0].Value) > 200 {
		t.Errorf("the long record takes %d bytes, %v", len(resp.Kvs[0].Value), err)
	}
	long.Size = 8
	w := packed.Update("long", long, rev)
	if c := s.Preview(w); !slices.Equal(c.Fields, []string{"size"}) || c.Bytes > 200 {
		t.Errorf("the preview of an update: %+v", c)
	}
	if again := packed.Update("long", long, rev); s.Preview(again).Bytes != s.Preview(w).Bytes {
		t.Error("the same record has another size")
	}
	commit(t, s, w)
}

// TestPackedForGood: what was packed once can be read for ever. If this fails the words have changed, which they must not.
func TestPackedForGood(t *testing.T) {
	const text = `{"v":1,"d":{"origin":"p","time":"2026-01-02T03:04:05Z","events":[{"name":"volume.created","data":{"volume.name":"gv0"}}]}}`
	const packed = "00c2eeac0234771918ea1a188518185b199858199846617526a160812a4b2f3380d80c080000ffff"
	value, err := hex.DecodeString(packed)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := store.Unpack(value); err != nil || string(got) != text {
		t.Errorf("%s, %v", got, err)
	}
	if sum := sha256.Sum256([]byte(store.Words)); hex.EncodeToString(sum[:]) != "14cbb8968e2ba738f5dbcad9f4251ff06c7663841fe6aed893f45215d4d140b3" {
		t.Errorf("the words have the sum %x", sum)
	}
}

func deflated(t *testing.T, text []byte) string {
	t.Helper()
	var out bytes.Buffer
	out.WriteByte(0)
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return out.String()
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte(`{"v":1,"d":{}}`))
	f.Add([]byte("\x00\x01\x02"))
	f.Fuzz(func(t *testing.T, value []byte) {
		if text, err := store.Unpack(value); err == nil && len(text) > max(store.MaxUnpacked, len(value)) {
			t.Errorf("%d bytes became %d", len(value), len(text))
		}
	})
}
