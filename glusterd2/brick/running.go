package brick

import (
	"errors"
	"path/filepath"
	"strings"

	"gd2/glusterd2/process"
)

// Running returns the bricks of this daemon's run folder that run, whoever started them: their pid files lead to their
// command lines, which say what they are.
func (h *Host) Running() ([]Spec, error) {
	files, err := filepath.Glob(filepath.Join(globLiteral(h.cfg.Layout.RunDir), "vols", "*", "*.pid"))
	if err != nil {
		return nil, err
	}
	var out []Spec
	for _, file := range files {
		p, err := process.Adopt(process.Spec{Path: h.cfg.Program, PidFile: file})
		if errors.Is(err, process.ErrNotRunning) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if s, ok := specOf(p, file); ok && h.cfg.Layout.PidFile(s) == file {
			out = append(out, s)
		}
		if err := p.Close(); err != nil {
			return nil, err
		}
	}
	return out, nil
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
