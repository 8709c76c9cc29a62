package brick

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gd2/glusterd2/process"

	"golang.org/x/sys/unix"
)

// attachTimeout bounds one attach or detach. One that was cut off by the end of the daemon is over by then, too.
const attachTimeout = 30 * time.Second

// discover takes in, once, the shared processes that an earlier life of the daemon has left: the pid files of their
// bricks lead to them, and a brick is inside if the process has its directory open.
func (h *Host) discover() error {
	s := h.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found {
		return nil
	}
	files, err := h.pidFiles()
	if err != nil {
		return err
	}
	byPid := map[int][]string{}
	for _, file := range files {
		pid, err := process.ReadPidFile(file)
		if errors.Is(err, process.ErrNotRunning) {
			continue
		}
		if err != nil {
			return err
		}
		byPid[pid] = append(byPid[pid], file)
	}
	procs, err := h.openAll(byPid)
	if err != nil {
		return err
	}
	for _, p := range procs {
		s.procs[p.proc.Pid()] = p
		h.tell(p)
		h.cfg.Log.WithField("pid", p.proc.Pid()).WithField("bricks", len(p.bricks)).Info("a process of several bricks runs already")
	}
	s.found = true
	return nil
}

// openAll opens the shared processes to which pid files point, side by side: to look through what one with sixty bricks has open takes tens
// of milliseconds.
func (h *Host) openAll(byPid map[int][]string) (procs []*shared, err error) {
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	turns := make(chan struct{}, runtime.GOMAXPROCS(0)) // it is work for the kernel, on as many threads
	for pid, files := range byPid {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			p, err := h.openShared(pid, files)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				procs = append(procs, p)
			case !errors.Is(err, process.ErrNotRunning):
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		for _, p := range procs {
			_ = p.proc.Close() // a watch, nothing more
		}
	}
	return procs, errors.Join(errs...)
}

// tell tells the port map of the bricks of a process, which all serve on one port. They have their directories open, so they
// serve, or do in a moment.
func (h *Host) tell(p *shared) {
	text, _ := p.proc.Arg("--brick-port")
	port, err := strconv.Atoi(text)
	if err != nil {
		return // they will tell
	}
	for path := range p.bricks {
		h.cfg.SignIns.Found(path, port, p.proc.Pid())
	}
}

func (h *Host) pidFiles() ([]string, error) {
	return filepath.Glob(filepath.Join(globLiteral(h.cfg.Layout.RunDir), "vols", "*", "*.pid"))
}

// openShared opens a shared process to whose pid the pid files point. ErrNotRunning says that it is none of ours.
func (h *Host) openShared(pid int, files []string) (*shared, error) {
	proc, err := process.Open(pid, h.isShared)
	if err != nil {
		return nil, err
	}
	open, err := openDirs(pid)
	if err != nil {
		return nil, errors.Join(err, proc.Close())
	}
	socket, _ := proc.Arg("-S")
	host, _ := proc.Arg("-s")
	p := &shared{proc: proc, socket: socket, most: capacity(pid), bricks: map[string]Spec{}}
	byName := map[string][]string{}
	for _, file := range files {
		byName[filepath.Base(file)] = append(byName[filepath.Base(file)], file)
	}
	for path := range open {
		s := Spec{Host: host, Path: path}
		for _, file := range byName[pidFileName(s)] {
			s.VolumeName = filepath.Base(filepath.Dir(file))
			p.bricks[path] = s
		}
	}
	return p, nil
}

// isShared reports whether a command line is that of a process of several bricks with its files in our run folder.
func (h *Host) isShared(argv []string) bool {
	below := func(name string) bool {
		i := slices.Index(argv, name)
		return i >= 0 && i+1 < len(argv) && strings.HasPrefix(argv[i+1], filepath.Clean(h.cfg.Layout.RunDir)+"/")
	}
	return len(argv) > 0 && filepath.Base(argv[0]) == filepath.Base(h.cfg.Program) && slices.Contains(argv, flagShared) &&
		below("-p") && below("-S")
}

// openDirs returns the paths of all files and directories that a process has open. A brick has some 260 open all the
// time, its own directory among them.
func openDirs(pid int) (map[string]bool, error) {
	dir, err := os.Open(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return nil, gone(pid, err)
	}
	defer func() { _ = dir.Close() }() // only read
	out := map[string]bool{}
	buf := make([]byte, unix.PathMax)
	for {
		names, err := dir.Readdirnames(4096)
		for _, name := range names {
			n, err := unix.Readlinkat(int(dir.Fd()), name, buf)
			if err != nil || n == 0 || buf[0] != '/' {
				continue // closed meanwhile, or a socket
			}
			// The 256 folders of gfids are of no interest, and there are very many of them.
			if path := buf[:n]; !bytes.Contains(path, []byte("/.glusterfs/")) {
				out[string(path)] = true
			}
		}
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, gone(pid, err)
		}
	}
}

// gone turns the errors of /proc for a process that has ended into ErrNotRunning.
func gone(pid int, err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("pid %d: %w", pid, process.ErrNotRunning)
	}
	return err
}

// unsure looks after a brick whose fresh pid file names a shared process that is not known to hold it: the daemon of
// before may have begun to attach it. Either it is inside by now, or it has to be left alone for a while.
func (h *Host) unsure(s Spec) (*shared, error) {
	file := h.cfg.Layout.PidFile(s)
	info, err := os.Stat(file)
	if err != nil || time.Since(info.ModTime()) > attachTimeout {
		return nil, process.ErrNotRunning
	}
	pid, err := process.ReadPidFile(file)
	if err != nil {
		return nil, err
	}
	p := h.shared.byPid(pid)
	if p == nil {
		return nil, process.ErrNotRunning
	}
	open, err := openDirs(pid)
	if err != nil {
		return nil, err
	}
	if !open[s.Path] {
		return nil, errBusy
	}
	h.shared.insert(p, s)
	return p, nil
}
