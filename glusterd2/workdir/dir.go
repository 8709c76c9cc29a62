package workdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// mark is the file by which a folder is known as one that gd2 has written.
const mark = ".glusterd2"

// nextName is a file that is being written, before it gets its name.
const nextName = ".next"

// volumesDir holds a folder for each volume.
const volumesDir = "vols"

// dir is a working directory. Names are below it.
type dir struct{ path, peer string }

// claim makes the directory gd2's own. One that glusterd, or another peer, has written is left alone.
func (d dir) claim() error {
	text := markText(d.peer)
	switch have, err := os.ReadFile(d.at(mark)); {
	case err == nil && string(have) == text:
		return nil
	case err == nil:
		return fmt.Errorf("%s shows what another peer knows (%s): give each peer a glusterd-dir of its own, or move it away", d.path, d.at(mark))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if _, err := os.Lstat(d.at("glusterd.info")); err == nil {
		return d.foreign("glusterd.info")
	}
	for _, folder := range []string{"peers", volumesDir} {
		if found, err := d.first(folder); err != nil || found != "" {
			return errors.Join(err, d.foreign(folder, found))
		}
	}
	return d.write(mark, text)
}

func markText(peerID string) string {
	return "What is here of the pool is written by glusterd2 from its records. It reads nothing of it; changes are lost.\npeer-id=" + peerID + "\n"
}

func (d dir) foreign(names ...string) error {
	return fmt.Errorf("%s was written by glusterd (%s is there): it is left alone; to have the pool's records shown there, move glusterd.info, peers and %s away",
		d.path, d.at(names...), volumesDir)
}

// first returns something that is in a folder, and "" if nothing is, other than what a crash of ours may have left.
func (d dir) first(folder string) (string, error) {
	entries, err := os.ReadDir(d.at(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	for _, e := range entries {
		if e.Name() != nextName {
			return e.Name(), nil
		}
	}
	return "", err
}

func (d dir) at(names ...string) string { return filepath.Join(append([]string{d.path}, names...)...) }

// write makes a file what it should be, at once; one that is so already is not touched. Files may hold credentials.
func (d dir) write(name, text string) error {
	path := d.at(name)
	if have, err := os.ReadFile(path); err == nil && string(have) == text {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	next := filepath.Join(filepath.Dir(path), nextName)
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return errors.Join(err, removeIfThere(next))
	}
	// Not synced to the disk: after a crash it is compared with the record, and written again.
	return os.Rename(next, path)
}

// sync makes the files of a folder what they should be, and removes those that are ours and should not be there.
func (d dir) sync(folder string, files map[string]string, ours func(name string) bool) error {
	var errs []error
	for name, text := range files {
		errs = append(errs, d.write(filepath.Join(folder, name), text))
	}
	entries, err := os.ReadDir(d.at(folder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	for _, e := range entries {
		if _, want := files[e.Name()]; !want && !e.IsDir() && ours(e.Name()) {
			errs = append(errs, removeIfThere(d.at(folder, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// marked lists the folders below one that carry our mark.
func (d dir) marked(folder string) ([]string, error) {
	entries, err := os.ReadDir(d.at(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, e := range entries {
		if _, err := os.Lstat(d.at(folder, e.Name(), mark)); err == nil {
			out = append(out, e.Name())
		}
	}
	return out, err
}

// remove removes a folder that carries our mark. The mark goes last, so that what is left after a crash is removed later.
func (d dir) remove(folder, name string) error {
	path := d.at(folder, name)
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == mark {
			continue
		}
		if err := os.RemoveAll(filepath.Join(path, e.Name())); err != nil {
			return err
		}
	}
	return os.RemoveAll(path)
}

// makeFolders makes the folders in which scripts are looked for, and that of glusterfind's keys, which it expects to find.
func (d dir) makeFolders() error {
	errs := []error{os.MkdirAll(d.at("glusterfind/.keys"), 0o700)}
	for _, event := range []string{"create", "start", "stop", "set", "reset", "delete", "add-brick", "remove-brick"} {
		for _, phase := range []string{"pre", "post"} {
			errs = append(errs, os.MkdirAll(d.at("hooks/1", event, phase), 0o755))
		}
	}
	return errors.Join(errs...)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
