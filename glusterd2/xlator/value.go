package xlator

import "strings"

// ParseBool reads a boolean as GlusterFS spells it. ok is false if text is no boolean.
func ParseBool(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "1", "on", "yes", "true", "enable":
		return true, true
	case "0", "off", "no", "false", "disable":
		return false, true
	}
	return false, false
}
