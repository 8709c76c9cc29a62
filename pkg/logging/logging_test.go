package logging

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func open(t *testing.T, o Options) *Log {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestReopenFollowsTheName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "gd2.log")
	l := open(t, Options{File: path, Level: "info"})
	entry := l.Entry("store")
	entry.Info("before")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	entry.Info("between")
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	entry.Info("after")
	if old := read(t, path+".1"); !strings.Contains(old, "before") || !strings.Contains(old, "between") {
		t.Errorf("old file: %s", old)
	}
	if text := read(t, path); !strings.Contains(text, "after") || strings.Contains(text, "between") {
		t.Errorf("new file: %s", text)
	}
}

func TestReopenKeepsTheOldFileWhenItFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	l := open(t, Options{File: filepath.Join(dir, "gd2.log"), Level: "info"})
	if err := os.Rename(dir, dir+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err == nil {
		t.Error("a file in place of the folder is not noticed")
	}
	l.Entry("x").Info("still here")
	if text := read(t, filepath.Join(dir+".moved", "gd2.log")); !strings.Contains(text, "still here") {
		t.Errorf("line is lost: %s", text)
	}
}

func TestLevelChangesAtRunTime(t *testing.T) {
	var out strings.Builder
	l := To(&out)
	entry := l.Entry("rest")
	entry.Debug("quiet")
	if err := l.SetLevel("debug"); err != nil {
		t.Fatal(err)
	}
	entry.Debug("loud")
	if strings.Contains(out.String(), "quiet") || !strings.Contains(out.String(), "loud") || l.Level() != "debug" {
		t.Errorf("level %s, log:\n%s", l.Level(), out.String())
	}
	if err := l.SetLevel("shout"); err == nil || l.Level() != "debug" {
		t.Errorf("an unknown level: %v, level %s", err, l.Level())
	}
}

func TestJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gd2.log")
	open(t, Options{File: path, Level: "info", Format: FormatJSON}).Entry("brick").WithField(Volume, "gv0").Warn("gone")
	var line map[string]string
	if err := json.Unmarshal([]byte(read(t, path)), &line); err != nil {
		t.Fatal(err)
	}
	if line[Component] != "brick" || line[Volume] != "gv0" || line["msg"] != "gone" || line["level"] != "warning" || line["time"] == "" {
		t.Errorf("%v", line)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, o := range []Options{{File: Stdout, Level: "loud"}, {File: "/dev/null/x.log", Level: "info"}} {
		if _, err := Open(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
