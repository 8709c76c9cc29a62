package xlator

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gd2/pkg/api"
)

// groupFiles are the option groups of glusterfs-server 10.3-5 (Debian): the files of its directory groups, one
// KEY=VALUE a line. To remake them, copy that directory.
//
//go:embed groups
var groupFiles embed.FS

// descriptions say what the built-in groups are for.
var descriptions = map[string]string{
	"db-workload":      "databases: no caching on clients, direct I/O",
	"distributed-virt": "images of virtual machines on a distributed volume",
	"gluster-block":    "block devices exported by gluster-block",
	"metadata-cache":   "clients cache metadata, bricks tell them when it changes",
	"nl-cache":         "clients remember which names do not exist",
	"samba":            "shares served by Samba",
	"virt":             "images of virtual machines on a replicated volume",
}

// BuiltinGroups returns the option groups that are always there, sorted by name. It fails only if the build is broken.
func BuiltinGroups() ([]api.OptionGroup, error) {
	files, err := groupFiles.ReadDir("groups")
	if err != nil {
		return nil, fmt.Errorf("xlator: option groups: %w", err)
	}
	var out []api.OptionGroup
	for _, f := range files {
		text, err := groupFiles.ReadFile("groups/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("xlator: option group %s: %w", f.Name(), err)
		}
		g := api.OptionGroup{Name: f.Name(), Description: descriptions[f.Name()]}
		if g.Options, err = parseGroup(string(text)); err != nil {
			return nil, fmt.Errorf("xlator: option group %s: %w", f.Name(), err)
		}
		out = append(out, g)
	}
	return out, nil
}

// What a file of a group may have, and a directory of groups.
const (
	maxGroupFile  = 64 << 10
	maxGroupFiles = 256
)

// FileGroups reads the option groups that an administrator has put into a directory in glusterd's format: a file for
// each group, KEY=VALUE a line; empty lines and those that begin with # are left out. A directory that is not there has
// none. What is wrong with single files is told by the name of the file.
func FileGroups(dir string) (groups []api.OptionGroup, wrong map[string]error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil
	}
	wrong = map[string]error{}
	for _, e := range entries[:min(len(entries), maxGroupFiles)] {
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") || !e.Type().IsRegular() {
			continue
		}
		g, err := readGroup(path)
		if err != nil {
			wrong[e.Name()] = err
			continue
		}
		groups = append(groups, g)
	}
	return groups, wrong
}

func readGroup(path string) (api.OptionGroup, error) {
	g := api.OptionGroup{Name: filepath.Base(path), Description: descriptions[filepath.Base(path)]}
	if g.Description == "" {
		g.Description = "the file " + path
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxGroupFile {
		err = fmt.Errorf("it has %d bytes: at most %d are read", info.Size(), maxGroupFile)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err == nil {
		g.Options, err = parseGroup(string(text))
	}
	if err != nil {
		return g, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

func parseGroup(text string) ([]api.GroupOption, error) {
	var out []api.GroupOption
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || key == "" || value == "" {
			return nil, fmt.Errorf("line %d, %.80q, is not KEY=VALUE", n, line)
		}
		out = append(out, api.GroupOption{Name: strings.TrimSpace(key), OnValue: strings.TrimSpace(value)})
	}
	if len(out) == 0 {
		return nil, errors.New("it has no options")
	}
	return out, nil
}
