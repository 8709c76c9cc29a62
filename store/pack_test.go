package store_test

import (
	"bytes"
	"compress/flate"
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
	store.Raw(t, s, key+"damaged", "\x00what is this?")
	store.Raw(t, s, key+"bomb", deflated(t, make([]byte, store.MaxUnpacked+1)))
	if err := s.Sync(within(t)); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]volume{"long": long, "short": {Name: "x"}, "former": {Name: "former", Size: 3}} {
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
