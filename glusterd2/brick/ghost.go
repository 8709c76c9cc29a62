package brick

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gd2/pkg/api"
)

// Ghost is an OS that changes nothing: it notes what would be changed, and answers as if it had been. So what Check and
// Prepare would do is found out by Check and Prepare themselves. It is for one goroutine.
type Ghost struct {
	sys  OS
	made []api.Effect
	// xattrs are the attributes that would be set, by path and name.
	xattrs map[string][]byte
}

var _ OS = (*Ghost)(nil)

// NewGhost returns a Ghost that sees the files of sys.
func NewGhost(sys OS) *Ghost { return &Ghost{sys: sys, xattrs: map[string][]byte{}} }

// Effects returns what would have been changed, in order.
func (g *Ghost) Effects() []api.Effect { return slices.Clone(g.made) }

func (g *Ghost) note(action, kind, name string) {
	g.made = append(g.made, api.Effect{Action: action, Kind: kind, Name: name})
}

// unreal reports whether a directory exists for this Ghost only.
func (g *Ghost) unreal(path string) bool {
	return slices.ContainsFunc(g.made, func(e api.Effect) bool {
		return e.Kind == api.OnDirectory && e.Action == api.ActionCreate && e.Name == path
	})
}

// Stat implements OS.
func (g *Ghost) Stat(op Op, path string) (Stat, error) {
	if !g.unreal(path) {
		return g.sys.Stat(op, path)
	}
	above, err := g.Stat(op, filepath.Dir(path))
	return Stat{Dir: true, Device: above.Device}, err
}

// RealPath implements OS.
func (g *Ghost) RealPath(op Op, path string) (string, error) { return g.sys.RealPath(op, path) }

func attribute(path, name string) string { return path + " " + name }

// Getxattr implements OS.
func (g *Ghost) Getxattr(op Op, path, name string) ([]byte, error) {
	if v, ok := g.xattrs[attribute(path, name)]; ok {
		return v, nil
	}
	if g.unreal(path) {
		return nil, nil
	}
	return g.sys.Getxattr(op, path, name)
}

// Setxattr implements OS. What Check sets only to try it is not noted.
func (g *Ghost) Setxattr(op Op, path, name string, value []byte) error {
	had, err := g.Getxattr(op, path, name)
	if err != nil || op == opCheckTrusted || op == opCheckUser {
		return err
	}
	action := api.ActionChange
	switch {
	case bytes.Equal(had, value):
		return nil
	case had == nil:
		action = api.ActionCreate
	}
	g.xattrs[attribute(path, name)] = value
	g.note(action, api.OnXattr, attribute(path, name))
	return nil
}

// Removexattr implements OS.
func (g *Ghost) Removexattr(op Op, path, name string) error {
	if had, err := g.Getxattr(op, path, name); err != nil || had == nil {
		return err
	}
	g.xattrs[attribute(path, name)] = nil
	g.note(api.ActionDestroy, api.OnXattr, attribute(path, name))
	return nil
}

// Mkdir implements OS.
func (g *Ghost) Mkdir(op Op, path string, _ os.FileMode) error {
	if _, err := g.Stat(op, path); err == nil {
		return &os.PathError{Op: "mkdir", Path: path, Err: os.ErrExist}
	}
	g.note(api.ActionCreate, api.OnDirectory, path)
	return nil
}

// GiveToGroup implements OS.
func (g *Ghost) GiveToGroup(_ Op, path string, _ int) error {
	g.note(api.ActionChange, api.OnDirectory, path)
	return nil
}

// Rename implements OS: what would have been made below from is below to.
func (g *Ghost) Rename(op Op, from, to string) error {
	if _, err := g.Stat(op, to); err == nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: os.ErrExist}
	}
	moved := func(name string) string {
		rest, ok := strings.CutPrefix(name, from)
		if !ok || rest != "" && rest[0] != '/' && rest[0] != ' ' {
			return name
		}
		return to + rest
	}
	for i := range g.made {
		g.made[i].Name = moved(g.made[i].Name)
	}
	xattrs := make(map[string][]byte, len(g.xattrs))
	for at, v := range g.xattrs {
		xattrs[moved(at)] = v
	}
	g.xattrs = xattrs
	return nil
}

// Remove implements OS.
func (g *Ghost) Remove(op Op, path string) error { return g.RemoveAll(op, path) }

// RemoveAll implements OS.
func (g *Ghost) RemoveAll(op Op, path string) error {
	if _, err := g.sys.Stat(op, path); err == nil {
		g.note(api.ActionDestroy, api.OnDirectory, path)
	}
	return nil
}

// ReadDir implements OS.
func (g *Ghost) ReadDir(op Op, path string) ([]string, error) { return g.sys.ReadDir(op, path) }
