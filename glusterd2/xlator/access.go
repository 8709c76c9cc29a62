package xlator

import (
	"fmt"
	"net/netip"
	"path"
	"strings"
)

// accessList checks a list of who may connect. It has two forms, which bricks tell apart by the first slash or
// parenthesis: addresses separated by commas, for the volume as a whole; and /DIR(ADDRESS|ADDRESS) separated by commas,
// where each directory may be mounted by its own addresses, and / is the whole volume.
func accessList(value string) string {
	if !strings.HasPrefix(value, "/") && !strings.Contains(value, "(") {
		return addressList(value)
	}
	seen := map[string]bool{}
	for _, entry := range strings.Split(value, ",") {
		dir, want := accessEntry(entry)
		switch {
		case want != "":
			return want
		case seen[dir]:
			return fmt.Sprintf("a list that names the directory %.100s once: put all its addresses between one pair of parentheses", dir)
		}
		seen[dir] = true
	}
	return ""
}

// accessEntry checks one /DIR(ADDRESS|ADDRESS) and returns the directory.
func accessEntry(entry string) (dir, want string) {
	dir, rest, ok := strings.Cut(entry, "(")
	addresses, closed := strings.CutSuffix(rest, ")")
	if !ok || !closed || strings.ContainsAny(addresses, "()") {
		return "", "a list of addresses, or of /DIR(ADDRESS|ADDRESS) for directories: /(10.0.0.1|10.0.0.2),/pub(10.0.0.0/8)"
	}
	if !strings.HasPrefix(dir, "/") || path.Clean(dir) != dir {
		return "", fmt.Sprintf("a list whose directories are absolute and plain, as in /pub(10.0.0.0/8): %.100q is not", dir)
	}
	for _, a := range strings.Split(addresses, "|") {
		if !address(a) {
			return "", fmt.Sprintf("a list of host names, addresses, IPv4 networks and patterns, with | between those of one directory: "+
				"%.100q in %.100s is none of them", a, entry)
		}
	}
	return dir, ""
}

// addressList checks a comma-separated list of host names, addresses, networks (IPv4 address/bits) and addresses with * for
// some of the numbers.
func addressList(value string) string {
	for _, a := range strings.Split(value, ",") {
		if !address(a) {
			return "a comma-separated list of host names, addresses, IPv4 networks (10.0.0.0/8) and patterns (10.0.*, *)"
		}
	}
	return ""
}

func address(a string) bool {
	if _, err := netip.ParseAddr(a); err == nil || a == "*" {
		return true
	}
	if p, err := netip.ParsePrefix(a); err == nil {
		return p.Addr().Is4() && p.Bits() > 0
	}
	if strings.Trim(a, "0123456789.*") == "" {
		// Bricks match an asterisk with anything, dots included: 10.* is short for 10.*.*.*.
		if strings.HasSuffix(a, ".*") {
			a += strings.Repeat(".*", max(3-strings.Count(a, "."), 0))
		}
		return pattern(a, ".")
	}
	return strings.Contains(a, ":") && pattern(a, ":") || hostName(a)
}

// pattern accepts an address in which some of the numbers are asterisks: bricks do not start with one that stands for a part of a number.
func pattern(a, sep string) bool {
	parts, some := strings.Split(a, sep), false
	for i, part := range parts {
		if part == "*" {
			parts[i], some = "0", true
		}
	}
	_, err := netip.ParseAddr(strings.Join(parts, sep))
	return err == nil && some
}

func hostName(name string) bool {
	const longest, longestLabel = 253, 63
	for _, label := range strings.Split(name, ".") {
		if label == "" || len(label) > longestLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			letter, digit := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z', c >= '0' && c <= '9'
			if !letter && !digit && c != '-' {
				return false
			}
		}
	}
	return len(name) <= longest
}
