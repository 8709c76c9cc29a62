package brick_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gd2/glusterd2/brick"
	"gd2/pkg/api"
)

// obedient is a process that does what a brick does when it gets SIGUSR1 and SIGHUP: it copies the options of a dump to
// the dump, and begins a new log.
const obedient = `
trap 'cp "$DIR/glusterdump.$$.options" "$DIR/part"; mv "$DIR/part" "$DIR/b.$$.dump.$(date +%N)"' USR1
trap 'echo new >"$DIR/log"' HUP
echo ready
while :; do read line; done`

func startObedient(t *testing.T) (r brick.Reach, dir string) {
	t.Helper()
	dir = t.TempDir()
	hold, keep, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-c", obedient, "brick", "-S", "sock", "-l", filepath.Join(dir, "log"))
	cmd.Env, cmd.Stdin = append(os.Environ(), "DIR="+dir), hold
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_, _ = hold.Close(), keep.Close()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
	return brick.Reach{Pid: cmd.Process.Pid, Socket: "sock"}, dir
}

func TestDump(t *testing.T) {
	r, dir := startObedient(t)
	d := brick.NewDumper(dir)
	seen := map[string]bool{}
	for range 2 {
		path, err := d.Dump(t.Context(), r, "", []string{"mem", "fd"})
		if err != nil || seen[path] {
			t.Fatalf("%q, %v", path, err)
		}
		seen[path] = true
		if text, err := os.ReadFile(path); string(text) != "path="+dir+"\nmem=yes\nfd=yes\n" {
			t.Errorf("%q, %v", text, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.options")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if _, err := d.Dump(t.Context(), r, "/with space", nil); !api.IsKind(err, api.Invalid) {
		t.Errorf("odd folder: %v", err)
	}
	// A process that got the pid of a brick must not get its signals.
	r.Socket = "another"
	if _, err := d.Dump(t.Context(), r, "", nil); !api.IsKind(err, api.Unavailable) {
		t.Errorf("another process: %v", err)
	}
}

func TestRotateLog(t *testing.T) {
	r, dir := startObedient(t)
	path := filepath.Join(dir, "log")
	if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1234, 0)
	log, old, err := brick.RotateLog(t.Context(), r, at)
	if err != nil || log != path || old != path+".1234" {
		t.Fatalf("%q %q, %v", log, old, err)
	}
	for name, want := range map[string]string{path: "new", old: "old"} {
		if text, err := os.ReadFile(name); err != nil || want == "old" && strings.TrimSpace(string(text)) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if _, _, err := brick.RotateLog(t.Context(), r, at); !api.IsKind(err, api.Conflict) {
		t.Errorf("again in the same second: %v", err)
	}
	// The daemon may have died between the renaming and the signal.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, old, err := brick.RotateLog(t.Context(), r, at.Add(time.Second)); err != nil || old != "" {
		t.Errorf("without a log: %q, %v", old, err)
	}
}
