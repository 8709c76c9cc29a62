package gd2_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// matches lists what a regular expression finds in the files of the tree with a suffix: its first group, by file.
func matches(t *testing.T, suffix, expr string) map[string][]string {
	t.Helper()
	re, out := regexp.MustCompile(expr), map[string][]string{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == "bin"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, suffix):
			return nil
		}
		text, err := os.ReadFile(name)
		for _, m := range re.FindAllSubmatch(text, -1) {
			out[name] = append(out[name], string(m[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDocsNameTests looks for the tests that documents name; with … behind it, a name stands for those that begin with it.
func TestDocsNameTests(t *testing.T) {
	var tests []string
	for _, names := range matches(t, "_test.go", `(?m)^func (Test\w+)\(`) {
		tests = append(tests, names...)
	}
	for doc, names := range matches(t, ".md", "`(Test\\w+…?)`") {
		for _, name := range names {
			prefix, several := strings.CutSuffix(name, "…")
			if !slices.ContainsFunc(tests, func(s string) bool { return s == name || several && strings.HasPrefix(s, prefix) }) {
				t.Errorf("%s names %s, which is no test", doc, name)
			}
		}
	}
}

// TestVolumeCommandsAreShown looks for each command of GlusterFS 10's "gluster volume" in the table of docs/volume-commands.md, which
// names an end-to-end test that shows it, or says that it comes later.
func TestVolumeCommandsAreShown(t *testing.T) {
	commands := strings.Fields("add-brick barrier bitrot clear-locks create delete geo-replication get heal info inode-quota list log " +
		"profile quota rebalance remove-brick replace-brick reset reset-brick set start statedump status stop sync top")
	const doc = "docs/volume-commands.md"
	shown := map[string]bool{}
	for _, row := range matches(t, doc, `(?m)^(\|.*)$`)[doc] {
		cells := strings.Split(row, "|")
		if len(cells) != 6 {
			t.Errorf("a row of %d cells: %s", len(cells)-2, row)
			continue
		}
		later := strings.Contains(cells[2], "*later*")
		for _, word := range regexp.MustCompile(`[a-z-]+`).FindAllString(cells[1], -1) {
			shown[word] = shown[word] || later || strings.Contains(cells[2], "`volume ") && strings.Contains(cells[3], "`Test")
		}
	}
	for _, c := range commands {
		if !shown[c] {
			t.Errorf("%s has no row for volume %s that names what it is here and the test that shows it", doc, c)
		}
	}
}
