package bytesize_test

import (
	"testing"

	"gd2/pkg/bytesize"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]bytesize.Bytes{
		"0": 0, "17": 17, "17B": 17, "1k": 1024, "2GiB": 2 << 30, "2gb": 2 << 30, " 3 M ": 3 << 20, "1TiB": 1 << 40, "1048576": 1 << 20,
	} {
		got, err := bytesize.Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v", text, got, err)
		}
		if again, err := bytesize.Parse(got.String()); err != nil || again != got {
			t.Errorf("%q is written as %q, which reads as %d, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "GiB", "-1", "1.5G", "9999999999TiB", "1PB", "1GG"} {
		if got, err := bytesize.Parse(text); err == nil {
			t.Errorf("Parse(%q) = %d", text, got)
		}
	}
}
