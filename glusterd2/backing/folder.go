package backing

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// markName is the file that says to which device a directory belongs.
const markName = ".gd2-device"

// takeFolder marks a directory as a device. One that is not empty and not ours is refused.
func takeFolder(d Device) error {
	taken, err := checkFolder(d)
	if err != nil || taken {
		return err
	}
	return writeMark(d)
}

// checkFolder demands that a directory can become a device, and tells whether it is that device already.
func checkFolder(d Device) (taken bool, err error) {
	info, err := os.Stat(d.Name)
	if err != nil {
		return false, refuse(d, "%v: make the directory first", err)
	}
	if !info.IsDir() {
		return false, refuse(d, "is no directory")
	}
	owner, err := folderOwner(d)
	switch {
	case err != nil:
		return false, err
	case owner == d.ID:
		return true, nil
	case owner != "":
		return false, refuse(d, "belongs to device %s: remove that first, or, if its pool is no more, the file %s", owner, markName)
	}
	names, err := contents(d)
	if err == nil && len(names) > 0 {
		err = refuse(d, "is not empty (%s): use a directory of its own", strings.Join(names[:min(len(names), 3)], ", "))
	}
	return false, err
}

// writeMark writes the mark so that it is there whole or not at all.
func writeMark(d Device) error {
	f, err := os.CreateTemp(d.Name, markName+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // there is none once it has its name
	_, err = f.WriteString(d.ID + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), filepath.Join(d.Name, markName))
}

// folderOwner returns the id of the device that a directory is marked for; empty if it is not.
func folderOwner(d Device) (string, error) {
	text, err := os.ReadFile(filepath.Join(d.Name, markName))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// ownFolder demands that the directory is the device's: it may not be mounted.
func ownFolder(d Device) error {
	owner, err := folderOwner(d)
	if err == nil && owner != d.ID {
		return refuse(d, "is not there, or is not this device any more: is its filesystem mounted?")
	}
	return err
}

// contents lists what is in a directory besides our marks and what a filesystem begins with.
func contents(d Device) ([]string, error) {
	entries, err := os.ReadDir(d.Name)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "lost+found" && !strings.HasPrefix(e.Name(), markName) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// bricksIn lists the ids of the bricks in a device's directory.
func bricksIn(d Device) ([]string, error) {
	if err := ownFolder(d); err != nil {
		return nil, err
	}
	names, err := contents(d)
	return brickIDs(names, []string{imageName(Brick{})}, []string{".new", ".img"}), err
}

// releaseFolder takes the mark away. A directory that is gone, or another's, is left alone.
func releaseFolder(d Device) error {
	owner, err := folderOwner(d)
	if err != nil || owner != d.ID {
		return nil //nolint:nilerr // a disk that has died is released as well
	}
	names, err := contents(d)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return refuse(d, "still holds %s", strings.Join(names[:min(len(names), 3)], ", "))
	}
	return os.Remove(filepath.Join(d.Name, markName))
}
