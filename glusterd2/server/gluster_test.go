package server

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The socket of a daemon that runs is not taken, that of one that is gone is.
func TestClearSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "glusterd.socket")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := clearSocket(t.Context(), path, "another daemon serves %s"); err == nil || err.Error() != "another daemon serves "+path {
		t.Errorf("the socket of a running daemon: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := clearSocket(t.Context(), path, "another daemon serves %s"); err != nil {
			t.Errorf("the socket of a daemon that is gone: %v", err)
		}
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the old socket is still there: %v", err)
	}
}

func TestWriteState(t *testing.T) {
	dir := t.TempDir()
	path, err := glusterFiles{}.WriteState(dir, "", "text")
	if err != nil || !strings.HasPrefix(path, filepath.Join(dir, "glusterd_state_")) {
		t.Fatal(path, err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "text" {
		t.Errorf("%q %v", text, err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, name string }{{"tmp", "x"}, {dir, "../x"}, {filepath.Join(dir, "none"), "x"}, {dir, "link"}} {
		if path, err := (glusterFiles{}).WriteState(c.dir, c.name, "other"); err == nil {
			t.Errorf("%s in %s was written: %s", c.name, c.dir, path)
		}
	}
}
