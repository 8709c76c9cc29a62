package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// firstProcess is the name under which this program runs as the first process of a peer.
const firstProcess = "gd2-lab-peer"

// layout tells the first process how to lay out its peer. Without a Dir it lays out nothing and only holds the
// namespaces.
type layout struct {
	Dir     string // folder on the machine, for the disk's image and its mount
	Host    string
	Bin     string
	DiskMiB int
	Hosts   string // the peer's /etc/hosts
	Config  string // the peer's /etc/glusterd2/glusterd2.toml
}

// RunFirstProcess must be the first call of main, or of TestMain, in a program that makes labs. In the program that a
// person started it returns false at once. As the first process of a peer it stays until the lab ends, and then tells
// main to end with the code.
func RunFirstProcess() (code int, isFirst bool) {
	if len(os.Args) != 2 || os.Args[0] != firstProcess {
		return 0, false
	}
	if err := first(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

func first(plan string) error {
	var l layout
	if err := json.Unmarshal([]byte(plan), &l); err != nil {
		return err
	}
	if l.Dir != "" {
		if err := l.lay(); err != nil {
			return err
		}
	}
	// Orphans of the peer become children of its first process, which must take note of their end: else they stay
	// visible as if they were alive.
	orphans := make(chan os.Signal, 1)
	signal.Notify(orphans, syscall.SIGCHLD)
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		for range orphans {
			reap()
		}
	}()
	if _, err := fmt.Println("ready"); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func reap() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if pid <= 0 || err != nil {
			return
		}
	}
}

// lay gives the peer a root of its own where it counts: the machine's programs and libraries stay visible, but /etc
// and /var/lib are copies on write, and logs, run files, bricks and mounts are the peer's own.
func (l layout) lay() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	disk, err := l.mountDisk()
	if err != nil {
		return err
	}
	for _, dir := range []string{"/etc", "/var/lib"} {
		if err := copyOnWrite(dir, filepath.Join(disk, "cow", dir)); err != nil {
			return err
		}
	}
	if err := unix.Mount("run", "/run", "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("/run: %w", err)
	}
	if err := l.bind(disk); err != nil {
		return err
	}
	return errors.Join(unix.Sethostname([]byte(l.Host)), l.write())
}

// mountDisk makes a file system in a sparse file, so that the bricks are not on the machine's root file system.
func (l layout) mountDisk() (string, error) {
	disk, image := filepath.Join(l.Dir, "disk"), filepath.Join(l.Dir, "image")
	if err := os.MkdirAll(disk, 0o755); err != nil {
		return "", err
	}
	for _, argv := range [][]string{
		{"truncate", "-s", fmt.Sprintf("%dM", l.DiskMiB), image},
		{"mkfs.ext4", "-q", "-F", "-I", "512", "-E", "lazy_itable_init=1,lazy_journal_init=1", image},
		{"mount", "-o", "loop", image, disk},
	} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil { //nolint:noctx // the lab's maker ends us when its time is up
			return "", fmt.Errorf("%v: %w: %s", argv, err, out)
		}
	}
	return disk, nil
}

func copyOnWrite(dir, scratch string) error {
	upper, work := filepath.Join(scratch, "upper"), filepath.Join(scratch, "work")
	if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755)); err != nil {
		return err
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", dir, upper, work)
	if err := unix.Mount("overlay", dir, "overlay", 0, options); err != nil {
		return fmt.Errorf("copy of %s: %w", dir, err)
	}
	return nil
}

// bind lays folders of the disk over those of the machine. What the glusterfs packages ship for the C glusterd (hooks,
// option groups) is copied: it is compared with.
func (l layout) bind(disk string) error {
	shipped, own := "/var/lib/glusterd", filepath.Join(disk, "/var/lib/glusterd")
	if err := os.MkdirAll(filepath.Dir(own), 0o755); err != nil {
		return err
	}
	if _, err := os.Stat(shipped); err == nil {
		if out, err := exec.Command("cp", "-a", shipped, own).CombinedOutput(); err != nil { //nolint:noctx // as above
			return fmt.Errorf("copy of %s: %w: %s", shipped, err, out)
		}
		if err := os.RemoveAll(filepath.Join(own, "glusterd.info")); err != nil {
			return err
		}
	}
	for _, dir := range []string{shipped, "/var/lib/glusterd2", "/var/log/glusterfs", "/srv", "/mnt", "/usr/local/sbin"} {
		from := filepath.Join(disk, dir)
		if err := errors.Join(os.MkdirAll(from, 0o755), os.MkdirAll(dir, 0o755)); err != nil {
			return err
		}
		if err := unix.Mount(from, dir, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	return nil
}

// write writes the files that tell the peer who and where it is.
func (l layout) write() error {
	errs := []error{
		os.MkdirAll("/run/gluster", 0o755), os.MkdirAll("/run/lock", 0o755), os.MkdirAll("/etc/glusterd2", 0o755),
		os.WriteFile("/etc/hosts", []byte(l.Hosts), 0o644),
		os.WriteFile("/etc/hostname", []byte(l.Host+"\n"), 0o644),
		os.WriteFile("/etc/glusterd2/glusterd2.toml", []byte(l.Config), 0o600),
	}
	for _, program := range []string{"glusterd2", "glustercli"} {
		errs = append(errs, os.Symlink(filepath.Join(l.Bin, program), filepath.Join("/usr/local/sbin", program)))
	}
	return errors.Join(errs...)
}
