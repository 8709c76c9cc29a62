package xlator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/pkg/api"
)

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFileGroups(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"mine": "# for us\n\nperformance.cache-size = 64MB\ncluster.eager-lock=off\n", ".swp": "x=y",
		"words": "performance.cache-size\n", "empty": "# nothing\n", "huge": strings.Repeat("a=b\n", maxGroupFile),
	} {
		writeFile(t, filepath.Join(dir, name), text)
	}
	groups, wrong := FileGroups(dir)
	want := []api.OptionGroup{{Name: "mine", Description: "the file " + filepath.Join(dir, "mine"), Options: []api.GroupOption{
		{Name: "performance.cache-size", OnValue: "64MB"}, {Name: "cluster.eager-lock", OnValue: "off"}}}}
	if d := cmp.Diff(want, groups); d != "" {
		t.Error(d)
	}
	for name, part := range map[string]string{"words": "line 1", "empty": "no options", "huge": "at most"} {
		if err := wrong[name]; err == nil || !strings.Contains(err.Error(), part) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want an error with %q", name, err, part)
		}
	}
	if groups, wrong := FileGroups(filepath.Join(dir, "none")); groups != nil || wrong != nil {
		t.Errorf("a folder that is not there has %v %v", groups, wrong)
	}
}
