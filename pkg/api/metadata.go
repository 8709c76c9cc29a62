package api

import "strings"

// MaxMetadata is the limit of all metadata keys and values of one volume or peer together, in bytes, as in glusterd2.
const MaxMetadata = 4096

// ValidateMetadata checks metadata that a user gives: keys must not be empty or begin with _, which is reserved, and
// there must be neither control characters nor too much text. The error is Invalid.
func ValidateMetadata(m map[string]string) error {
	size := 0
	for k, v := range m {
		size += len(k) + len(v)
		if k == "" || k[0] == '_' {
			return FieldErrorf("metadata", "metadata key %.40q: keys must not be empty or begin with _, which is reserved", k)
		}
		if strings.ContainsFunc(k+v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return FieldErrorf("metadata", "metadata key %.40q: control characters are not allowed", k)
		}
	}
	if size > MaxMetadata {
		return FieldErrorf("metadata", "metadata is %d bytes: at most %d", size, MaxMetadata)
	}
	return nil
}

// MatchMetadata reports whether metadata has a key with a value; an empty key or value matches every one.
func MatchMetadata(m map[string]string, key, value string) bool {
	if key == "" && value == "" {
		return true
	}
	for k, v := range m {
		if (key == "" || k == key) && (value == "" || v == value) {
			return true
		}
	}
	return false
}
