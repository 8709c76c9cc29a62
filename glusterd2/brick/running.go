package brick

import (
	"errors"
	"path/filepath"
	"strings"

	"gd2/glusterd2/process"
)

// Running returns the bricks of this daemon's run folder that run, whoever started them: their pid files lead to their
// command lines, which say what they are, or to processes of several bricks.
func (h *Host) Running() ([]Spec, error) {
	if err := h.discover(); err != nil {
		return nil, err
	}
	files, err := h.pidFiles()
	if err != nil {
		return nil, err
	}
	return h.with(h.shared.all(), files)
}

// RunningOf is Running for the bricks of some volumes only. Its cost does not depend on how many others there are.
func (h *Host) RunningOf(volumes ...string) ([]Spec, error) {
	if err := h.discover(); err != nil {
		return nil, err
	}
	var out []Spec
	for _, name := range volumes {
		files, err := filepath.Glob(filepath.Join(globLiteral(h.cfg.Layout.RunDir), "vols", globLiteral(name), "*.pid"))
		if err != nil {
			return nil, err
		}
		if out, err = h.with(append(out, h.shared.ofVolume(name)...), files); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// with adds those bricks to a list that pid files stand for and that have processes of their own.
func (h *Host) with(list []Spec, files []string) ([]Spec, error) {
	for _, file := range files {
		s, ok, err := h.alone(file)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, s)
		}
	}
	return list, nil
}

// alone returns the brick that a pid file stands for if it has a process of its own.
func (h *Host) alone(file string) (Spec, bool, error) {
	p, err := process.Adopt(process.Spec{Path: h.cfg.Program, PidFile: file})
	if errors.Is(err, process.ErrNotRunning) {
		return Spec{}, false, nil
	}
	if err != nil {
		return Spec{}, false, err
	}
	s, ok := specOf(p, file)
	return s, ok && h.cfg.Layout.PidFile(s) == file && !h.isShared(p.Args()), p.Close()
}

// specOf reads what brick a process is from its command line. Snapshot and proxy daemons have pid files beside those of
// bricks; they are none.
func specOf(p *process.Process, pidFile string) (Spec, bool) {
	host, okHost := p.Arg("-s")
	path, okPath := p.Arg("--brick-name")
	s := Spec{VolumeName: filepath.Base(filepath.Dir(pidFile)), Host: host, Path: path}
	return s, okHost && okPath && filepath.IsAbs(path)
}

// globLiteral makes a path stand for itself in a pattern.
func globLiteral(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
