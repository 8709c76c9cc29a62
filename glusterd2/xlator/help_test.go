package xlator

import (
	"path/filepath"
	"strings"
	"testing"

	"gd2/pkg/api"
)

// installed is where the package glusterfs-server puts its translators.
func installed(t *testing.T) string {
	t.Helper()
	dirs, err := filepath.Glob("/usr/lib/*/glusterfs/10.*/xlator")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("GlusterFS 10 is not installed: %v", err)
	}
	return dirs[0]
}

func TestHelp(t *testing.T) {
	h, err := ReadHelp(installed(t))
	if err != nil {
		t.Fatal(err)
	}
	tab := load(t)
	for key, want := range map[string]string{
		"performance.cache-size": "cache", "cluster.quorum-type": "quorum", "auth.allow": "connect", "performance.read-ahead": "read-ahead",
	} {
		got := tab.Explain(h, key)
		if len(got) != 1 || !strings.Contains(strings.ToLower(got[0].Description), want) {
			t.Errorf("%s: %+v does not mention %s", key, got, want)
		}
	}
	documented, all := 0, tab.Explain(h)
	for _, o := range all {
		if o.Description != "" {
			documented++
		}
	}
	if len(all) != 389 || documented < 250 {
		t.Errorf("%d options, %d with a description", len(all), documented)
	}
}

func TestExplainWithoutTexts(t *testing.T) {
	tab := load(t)
	o := tab.Explain(nil, "cluster.server-quorum-ratio")[0]
	if o.Scope != api.ScopeCluster || o.Description != "" || o.Type == "" {
		t.Errorf("%+v", o)
	}
	if o := tab.Explain(nil, "features.quota")[0]; o.ManagedBy != "quota" {
		t.Errorf("%+v", o)
	}
	if _, err := ReadHelp(t.TempDir()); err == nil {
		t.Error("a folder without translators is read")
	}
}

// What is not an object, or not a whole one, is an error and no panic.
func FuzzImage(f *testing.F) {
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "x.so")
		writeFile(t, file, string(data))
		if im, err := openImage(file); err == nil {
			(&Help{keys: map[string]string{}, xlators: map[string]string{}}).readOptions(im, "x/y")
		}
	})
}
