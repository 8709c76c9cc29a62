package tools

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
	"gd2/transaction"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// rig is two peers with a store in common: what the first asks the second answers.
type rig struct {
	one, two *Commands
	dirs     [2]string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	s := storetest.New(t)
	storetest.WaitReady(t, s)
	programs := t.TempDir()
	text := "#!/bin/sh\necho \"$GLUSTERD_WORKDIR $*\"\n[ \"$1\" != fail ] || { echo no >&2; exit 3; }\n"
	if err := os.WriteFile(filepath.Join(programs, "peer_note.sh"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	r := &rig{dirs: [2]string{t.TempDir(), t.TempDir()}}
	second := ask.New(ask.Config{PeerID: "p2", Store: s})
	first := ask.New(ask.Config{PeerID: "p1", Store: s, Call: func(ctx context.Context, _ string, req ask.Request) (json.RawMessage, error) {
		return second.Serve(ctx, req)
	}})
	r.one = New(Config{PeerID: "p1", Store: s, Asker: first, Dir: r.dirs[0], Programs: programs})
	r.two = New(Config{PeerID: "p2", Store: s, Asker: second, Dir: r.dirs[1], Programs: programs})
	var writes []store.Write
	for _, id := range []string{"p1", "p2", "p3"} {
		writes = append(writes, peer.Records.Create(id, &peer.Peer{ID: id, Name: id, Host: id}))
	}
	for _, id := range []string{"p1", "p2"} { // p3 is away
		writes = append(writes, transaction.AliveKind.Create(id, transaction.Alive{Boot: id}))
	}
	rev, err := s.Commit(t.Context(), writes)
	if err == nil {
		err = s.WaitRevision(t.Context(), rev)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestCopyFile(t *testing.T) {
	r := newRig(t)
	put(t, r.dirs[0], "glusterfind/.keys/a.pub", "key")
	for range 2 {
		if err := r.one.CopyFile(t.Context(), "/glusterfind/.keys/a.pub"); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(r.dirs[1], "glusterfind/.keys/a.pub")
	text, err := os.ReadFile(path)
	info, serr := os.Stat(path)
	if err != nil || serr != nil || string(text) != "key" || info.Mode().Perm() != 0o600 {
		t.Errorf("%q %v %v %v", text, info, err, serr)
	}
}

// Nothing but the files of tools is read, or written on another peer.
func TestCopyFileRefused(t *testing.T) {
	r := newRig(t)
	put(t, r.dirs[0], "vols/gv/info", "password=x")
	put(t, r.dirs[0], "glusterfind/big", strings.Repeat("x", maxFile+1))
	if err := os.Symlink("/etc/hostname", filepath.Join(r.dirs[0], "glusterfind/link")); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{
		"", "/", "glusterfind", "vols/gv/info", "/vols/gv/info", "glusterfind/../vols/gv/info", "../x", "glusterd2/tls/peer.key", "glusterfind/none",
		"glusterfind/big", "glusterfind/link",
	} {
		if err := r.one.CopyFile(t.Context(), source); !api.IsKind(err, api.Invalid) {
			t.Errorf("%q: %v", source, err)
		}
	}
	for _, path := range []string{"vols/gv/info", "glusterfind/../glusterd.info", "/etc/passwd", ""} {
		if err := r.two.write(file{Path: path, Data: []byte("x")}); !api.IsKind(err, api.Invalid) {
			t.Errorf("write %q: %v", path, err)
		}
	}
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(r.dirs[1], "events")); err != nil {
		t.Fatal(err)
	}
	if err := r.two.write(file{Path: "events/x", Data: []byte("x")}); err == nil {
		t.Error("a link leads out of the directory")
	}
}

func TestExecute(t *testing.T) {
	r := newRig(t)
	out, err := r.one.Execute(t.Context(), "note.sh", []string{"a b", "$c"})
	if err != nil || len(out) != 2 || out[0] != r.dirs[0]+" a b $c\n" || out[1] != r.dirs[1]+" a b $c\n" {
		t.Errorf("%q %v", out, err)
	}
	if _, err := r.one.Execute(t.Context(), "note.sh", []string{"fail"}); !api.IsKind(err, api.State) || !strings.Contains(err.Error(), "exit code 3: no") {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"", "../peer_note.sh", "note.sh/..", ".hidden", "none", "a b"} {
		if _, err := r.one.Execute(t.Context(), name, nil); !api.IsKind(err, api.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := r.one.Execute(t.Context(), "note.sh", make([]string, maxArgs+1)); !api.IsKind(err, api.Invalid) {
		t.Errorf("%v", err)
	}
}

func TestNoDir(t *testing.T) {
	r := newRig(t)
	r.one.cfg.Dir = ""
	if err := r.one.CopyFile(t.Context(), "glusterfind/x"); !api.IsKind(err, api.NotSupported) {
		t.Errorf("%v", err)
	}
	if _, err := r.one.Execute(t.Context(), "note.sh", nil); !api.IsKind(err, api.NotSupported) {
		t.Errorf("%v", err)
	}
}
