// Package plugins is the list of the plugins that are compiled into the daemon.
package plugins

import (
	"gd2/glusterd2/plugin"
	"gd2/plugins/heketi"
	"gd2/plugins/hook"
)

// All returns the plugins.
func All() []plugin.Plugin {
	return []plugin.Plugin{hook.New(), heketi.New()}
}
