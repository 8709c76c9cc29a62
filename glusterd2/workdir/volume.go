package workdir

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
	"gd2/store"
)

// shownVolume is what the files of a volume were made of.
type shownVolume struct {
	record *volume.Volume
	hosts  []string
	pool   map[string]string
}

func (s shownVolume) same(o shownVolume) bool {
	return s.record == o.record && slices.Equal(s.hosts, o.hosts) && maps.Equal(s.pool, o.pool)
}

// showVolume writes the files of a volume, if what they are made of is other than the last time. same says that what they take from
// elsewhere than the volume's record is not.
func (v *View) showVolume(d dir, rec store.Record[*volume.Volume], hosts, pool map[string]string, same bool) error {
	if same && v.shown[rec.ID].record == rec.Value {
		return nil
	}
	now := shownVolume{record: rec.Value, pool: pool}
	for _, b := range rec.Value.Bricks() {
		now.hosts = append(now.hosts, hosts[b.PeerID])
	}
	if v.shown[rec.ID].same(now) {
		return nil
	}
	folder := filepath.Join(volumesDir, rec.ID)
	if err := d.own(folder); err != nil {
		return err
	}
	files, err := v.volfiles(rec.Value, now.hosts)
	if err != nil {
		return fmt.Errorf("volume %s: %w", rec.ID, err)
	}
	files["info"] = volumeInfo(rec.Value, rec.Revision, now.hosts, volgen.OpVersion(rec.Value, v.c.Table), volgen.ClientOpVersion(rec.Value, v.c.Table))
	isVolfile := func(name string) bool { return strings.HasSuffix(name, ".vol") }
	err = errors.Join(d.sync(folder, files, isVolfile),
		d.sync(filepath.Join(folder, "bricks"), brickFiles(rec.Value, now.hosts), func(string) bool { return true }))
	if err == nil {
		v.shown[rec.ID] = now
	}
	return err
}

// own makes a volume's folder ours. One that is there without our mark was made by glusterd while gd2 did not run.
func (d dir) own(folder string) error {
	if _, err := os.Lstat(d.at(folder, mark)); err == nil {
		return nil
	}
	if found, err := d.first(folder); err != nil || found != "" {
		return errors.Join(err, d.foreign(folder, found))
	}
	return d.write(filepath.Join(folder, mark), markText(d.peer))
}

// volfiles returns the volfiles of a volume by the names of glusterd's files.
func (v *View) volfiles(vol *volume.Volume, hosts []string) (map[string]string, error) {
	type volfile struct {
		file, key string
		trusted   bool
	}
	name := vol.Name
	list := []volfile{
		{"trusted-" + name + ".tcp-fuse.vol", volgen.ClientKey(name), true}, {name + ".tcp-fuse.vol", volgen.ClientKey(name), false},
		{name + "-rebalance.vol", volgen.RebalanceKey(name), true},
	}
	if vol.NeedsSelfHeal() {
		list = append(list, volfile{name + "-shd.vol", volgen.SelfHealKey(name), true})
	}
	for i, b := range vol.Bricks() {
		key := volgen.BrickKey(name, hosts[i], b.Path)
		list = append(list, volfile{key + ".vol", key, true})
	}
	files := map[string]string{}
	for _, f := range list {
		text, err := v.c.Volfile(f.key, f.trusted)
		if err != nil {
			return nil, err
		}
		files[f.file] = text
	}
	return files, nil
}
