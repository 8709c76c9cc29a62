package xlator

import (
	"embed"
	"fmt"
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
		for _, line := range strings.Fields(string(text)) {
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				return nil, fmt.Errorf("xlator: option group %s: %q is not KEY=VALUE", f.Name(), line)
			}
			g.Options = append(g.Options, api.GroupOption{Name: key, OnValue: value})
		}
		out = append(out, g)
	}
	return out, nil
}
