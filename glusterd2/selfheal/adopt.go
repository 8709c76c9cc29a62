package selfheal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gd2/glusterd2/process"
	"gd2/pkg/api"
)

// processName is what the daemon is called on its command line.
const processName = "glustershd"

// pidFiles returns the pid files of all volumes, attached now or once, by volume name.
func pidFiles(cfg Config) (map[string]string, error) {
	dir := filepath.Join(cfg.Layout.RunDir, "shd")
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	out := map[string]string{}
	for _, e := range entries {
		file := cfg.Layout.SelfHealPidFile(e.Name())
		if _, err := os.Stat(file); err == nil {
			out[e.Name()] = file
		}
	}
	return out, nil
}

// adopt finds the daemon that an earlier life of gd2 started, and the volumes attached to it: each has a pid file with
// the daemon's pid. The volume that it was started for may be detached by now, so the lock on that one's pid file proves
// nothing; the command line, which names a pid file and a socket in our run folder, does.
func adopt(cfg Config) (*process.Process, []string, error) {
	files, err := pidFiles(cfg)
	if err != nil {
		return nil, nil, err
	}
	var found *process.Process
	var volumes []string
	for name, file := range files {
		pid, err := process.ReadPidFile(file)
		if errors.Is(err, process.ErrNotRunning) {
			continue
		}
		if err == nil && found == nil {
			found, err = process.Open(pid, func(argv []string) bool { return isOurs(cfg, argv) })
		}
		switch {
		case errors.Is(err, process.ErrNotRunning): // a stale file
		case err != nil:
			return nil, nil, err
		case found.Pid() == pid:
			volumes = append(volumes, name)
		}
	}
	if found == nil {
		return nil, nil, process.ErrNotRunning
	}
	slices.Sort(volumes)
	return found, volumes, nil
}

// isOurs reports whether a command line is that of a self-heal daemon with its files in our run folder.
func isOurs(cfg Config, argv []string) bool {
	if len(argv) == 0 || filepath.Base(argv[0]) != filepath.Base(cfg.Program) || !slices.Contains(argv, processName) {
		return false
	}
	return argBelow(argv, "-p", filepath.Join(cfg.Layout.RunDir, "shd")) && argBelow(argv, "-S", cfg.Layout.RunDir)
}

func argBelow(argv []string, name, dir string) bool {
	i := slices.Index(argv, name)
	return i >= 0 && i+1 < len(argv) && strings.HasPrefix(argv[i+1], filepath.Clean(dir)+"/")
}

// clean removes the pid files of a daemon that does not run.
func (d *Daemon) clean() error {
	files, err := pidFiles(d.cfg)
	if err != nil {
		return api.Errorf(api.Internal, "clean up after the self-heal daemon: %v", err)
	}
	var errs []error
	for name, file := range files {
		errs = append(errs, remove(file), remove(d.shapeFile(name)))
	}
	return errors.Join(errs...)
}

func remove(file string) error {
	if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("clean up after the self-heal daemon: %w", err)
	}
	return nil
}
