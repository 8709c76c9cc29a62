package brick_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gd2/glusterd2/brick"
)

// TestOpenFiles looks at this very process, as if it were a brick.
func TestOpenFiles(t *testing.T) {
	dir := t.TempDir()
	handle := filepath.Join(dir, ".glusterfs/ab/cd")
	if err := os.MkdirAll(handle, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", ".glusterfs/health_check", ".glusterfs/ab/cd/abcd0000-0000-0000-0000-000000000000"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	f, err := os.Open(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := brick.OpenFiles(os.Getpid(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, f := range got {
		text = append(text, f.Mode+" "+f.Path)
	}
	slices.Sort(text)
	if want := []string{"r /file", "rw /.glusterfs/ab/cd/abcd0000-0000-0000-0000-000000000000", "rw /file"}; !slices.Equal(text, want) {
		t.Errorf("open files %q, want %q", text, want)
	}
}
