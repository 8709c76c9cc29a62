package cmdhistory

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNote(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	l := New(path)
	l.now = func() time.Time { return time.Date(2026, 11, 25, 20, 29, 2, 119171999, time.FixedZone("CET", 3600)) }
	for command, failed := range map[string]error{"volume start gv": nil} {
		if err := l.Note(command, failed); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Note("volume start gv\n[forged] : x", errors.New("Volume gv\nis started")); err != nil {
		t.Fatal(err)
	}
	if err := l.Note(strings.Repeat("x", 1<<20), nil); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "[2026-11-25 19:29:02.119171 +0000]  : volume start gv : SUCCESS\n" +
		"[2026-11-25 19:29:02.119171 +0000]  : volume start gv [forged] : x : FAILED : Volume gv is started\n" +
		"[2026-11-25 19:29:02.119171 +0000]  : xxx"
	if !strings.HasPrefix(string(text), want) || len(text) > 10_000 || strings.Count(string(text), "\n") != 3 {
		t.Errorf("%d bytes: %.300s", len(text), text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if err := New(filepath.Join(path, "no")).Note("x", nil); err == nil {
		t.Error("a line that cannot be written is no error")
	}
}
