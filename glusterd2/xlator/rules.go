package xlator

import (
	"strings"
)

// special checks the options to which glusterd gives rules of their own. It returns what would be right, or "".
func special(r *Row, value string) string {
	switch r.Key {
	case "auth.allow", "auth.reject":
		return addressList(value)
	case "transport.address-family":
		return oneOf([]string{"inet", "inet6", "unix"}, value)
	}
	_ = strings.ToLower
	return ""
}
