package brick

import "gd2/pkg/api"

// opDispersedLook labels what Dispersed asks of the operating system.
const opDispersedLook Op = "dispersed-look"

// xattrVersion is on every file and directory of a disperse set that was written or healed.
const xattrVersion = "trusted.ec.version"

// Dispersed reports whether the root of a brick of a disperse set is part of the set: a new one is not before its first heal.
func Dispersed(sys OS, w Where) (bool, error) {
	version, err := sys.Getxattr(opDispersedLook, w.Path, xattrVersion)
	if err != nil {
		return false, w.refuse(api.State, "cannot be read: %v", err)
	}
	return version != nil, nil
}
