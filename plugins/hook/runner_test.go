package hook

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// install writes a script that notes its name and arguments in a file, and then ends with the exit code.
func install(t *testing.T, dir, operation, name, exit string, mode os.FileMode) {
	t.Helper()
	installAt(t, dir, filepath.Join(operation, phasePost), name, exit, mode)
}

func installAt(t *testing.T, dir, place, name, exit string, mode os.FileMode) {
	t.Helper()
	folder := filepath.Join(dir, place)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	text := "#!/bin/sh\necho \"$(basename $0) $*\" >> " + filepath.Join(dir, "notes") + "\nexit " + exit + "\n"
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestScriptsRunInOrderWithGlusterdsArguments(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hooks")
	work := filepath.Dir(dir)
	install(t, dir, Start, "S20second", "0", 0o755)
	installAt(t, dir, "1/start/post", "S10first", "1", 0o755) // a script that fails does not keep the next from running
	install(t, dir, Start, "S30data", "0", 0o644)
	install(t, dir, Start, "K10other", "0", 0o755)
	install(t, dir, Set, "S10set", "0", 0o755)
	install(t, dir, Delete, "S99end", "0", 0o755)
	installAt(t, dir, "1/start/pre", "S10before", "0", 0o755)
	install(t, dir, AddBrick, "S10add", "0", 0o755)
	install(t, dir, Reset, "S10back", "0", 0o755)
	r := NewRunner(dir, func(context.Context) {}, logrus.NewEntry(logrus.New()))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	r.Notify(Event{Operation: Start, Volume: "gv0", First: true})
	r.Notify(Event{Operation: Stop, Volume: "gv0"}) // has no scripts
	r.Notify(Event{Operation: Set, Volume: "gv0", Options: map[string]string{"b.c": "2", "a.b": "1"}})
	r.Notify(Event{Operation: Reset, Volume: All})
	r.Notify(Event{Operation: AddBrick, Volume: "gv0"})
	r.Notify(Event{Operation: Delete, Volume: "gv0"})
	want := "S10first --volname=gv0 --first=yes --version=1 --volume-op=start --gd-workdir=/work\n" +
		"S20second --volname=gv0 --first=yes --version=1 --volume-op=start --gd-workdir=/work\n" +
		"S10set --volname=gv0 -o a.b=1 -o b.c=2 --gd-workdir=/work\n" +
		"S10back --volname=all --version=1 --volume-op=reset --gd-workdir=/work\n" +
		"S10add --volname=gv0 --version=1 --volume-op=add-brick --gd-workdir=/work\n" +
		"S99end --volname=gv0\n"
	want = strings.ReplaceAll(want, "/work", work)
	got := await(t, filepath.Join(dir, "notes"), len(want))
	cancel()
	<-done
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNotifyNeverBlocks(t *testing.T) {
	r := NewRunner(t.TempDir(), func(context.Context) {}, logrus.NewEntry(logrus.New()))
	for range queue + 10 {
		r.Notify(Event{Operation: Create, Volume: "gv0"})
	}
}

// await reads a file until it has at least size bytes.
func await(t *testing.T, file string, size int) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		data, err := os.ReadFile(file)
		if len(data) >= size {
			return data
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s has %d of %d bytes (%v)", file, len(data), size, err)
		}
	}
}

// What scripts write goes to the log under their transaction; one that hangs is ended.
func TestOutputAndTimeout(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "1", Set, phasePre)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"S1talks": "echo $GLUSTERD_WORKDIR $_GLUSTERD_CALLED_; echo two >&2; exit 3", "S2hangs": "exec sleep 100"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil { //nolint:gosec // it is to run
			t.Fatal(err)
		}
	}
	log, lines := test.NewNullLogger()
	r := NewRunner(dir, func(context.Context) {}, logrus.NewEntry(log))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	r.handle(ctx, Event{Operation: Set, Volume: "gv0", Transaction: "T1"}, phasePre)
	var got []string
	for _, e := range lines.AllEntries() {
		if e.Data["transaction"] != "T1" || e.Data["step"] != "hooks-pre" {
			t.Errorf("%q has the fields %v", e.Message, e.Data)
		}
		got = append(got, e.Message)
	}
	want := []string{"set/pre/S1talks: " + filepath.Dir(dir) + " 1", "set/pre/S1talks: two", "hook script set/pre/S1talks failed", "hook script set/pre/S2hangs failed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
