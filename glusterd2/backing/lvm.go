package backing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"

	"gd2/pkg/runcmd"
)

// extent is the unit of our volume groups, Heketi's.
const extent = 4 << 20

// groupMetadata is what a group takes of a disk for itself: 128 MiB for its metadata, as Take says, and where that begins.
const groupMetadata = 129 << 20

// notFound is the exit code of LVM's commands when what they were asked about is not there, among other failures.
const notFound = 5

// lvm makes bricks of thin volumes.
type lvm struct{ *tools }

var _ Provisioner = lvm{}

func group(d Device) string { return "vg_" + d.ID }
func pool(b Brick) string   { return "tp_" + b.ID }

// Look implements Provisioner. What LVM will take for itself is a little less than what is counted here.
func (p lvm) Look(ctx context.Context, d Device, wipe bool) (Measure, error) {
	held, err := p.physical(ctx, d)
	if err != nil {
		return Measure{}, err
	}
	if held.Group == group(d) {
		return p.Measure(ctx, d)
	}
	if _, err := p.mayTake(ctx, d, held, wipe || held.left(d)); err != nil {
		return Measure{}, err
	}
	out, err := p.run(ctx, "blockdev", "--getsize64", d.Name)
	if err != nil {
		return Measure{}, refuse(d, "%v", err)
	}
	size, err := strconv.ParseUint(string(bytes.TrimSpace(out)), 10, 64)
	if err != nil {
		return Measure{}, refuse(d, "blockdev: %v", err)
	}
	size -= min(size, groupMetadata)
	size -= size % extent
	return Measure{Size: size, Free: size, Unit: extent}, nil
}

// Take implements Provisioner.
func (p lvm) Take(ctx context.Context, d Device, wipe bool) (Measure, error) {
	held, err := p.physical(ctx, d)
	if err != nil {
		return Measure{}, err
	}
	if held.Group == group(d) {
		return p.Measure(ctx, d)
	}
	wipe = wipe || held.left(d)
	if err := p.free(ctx, d, held, wipe); err != nil {
		return Measure{}, err
	}
	// It makes the physical volume too: one without a group would be nobody's.
	create := []string{"--quiet", "--metadatasize=128M", "--dataalignment=256K", "--physicalextentsize=" + strconv.Itoa(extent>>20) + "M", "--autobackup=n", "--addtag=gd2"}
	if wipe {
		create = append(create, "--yes") // what wipefs has not shown, or what came after that, is wiped only then
	}
	if _, err := p.run(ctx, "vgcreate", append(create, group(d), d.Name)...); err != nil {
		return Measure{}, refuse(d, "%v", err)
	}
	return p.Measure(ctx, d)
}

// mayTake says what a device holds, and refuses if that is in the way: with wipe only another volume group is.
func (p lvm) mayTake(ctx context.Context, d Device, held physical, wipe bool) ([]string, error) {
	if held.Group != "" {
		return nil, refuse(d, "belongs to the volume group %s: remove that first (vgremove %s)", held.Group, held.Group)
	}
	found, err := p.signatures(ctx, d)
	if err == nil && len(found) > 0 && !wipe {
		err = refuse(d, "holds %s: its data would be lost; if that is what you want, say so with wipe", strings.Join(found, ", "))
	}
	return found, err
}

// free sees to it that a device holds nothing: with wipe, by removing it; otherwise it says what there is.
func (p lvm) free(ctx context.Context, d Device, held physical, wipe bool) error {
	found, err := p.mayTake(ctx, d, held, wipe)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return nil
	}
	p.Log.WithField("device", d.Name).Warnf("wiping the device, which holds %s", strings.Join(found, ", "))
	if _, err := p.run(ctx, "wipefs", "--all", "--quiet", d.Name); err != nil {
		return refuse(d, "%v", err)
	}
	return nil
}

// signatures lists what a device holds, as wipefs sees it.
func (p lvm) signatures(ctx context.Context, d Device) ([]string, error) {
	out, err := p.run(ctx, "wipefs", "--json", "--no-act", d.Name)
	if err != nil {
		return nil, refuse(d, "%v", err)
	}
	var report struct {
		Signatures []struct{ Type, Label, Offset string } `json:"signatures"`
	}
	if len(bytes.TrimSpace(out)) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return nil, refuse(d, "wipefs: %v", err)
	}
	var found []string
	for _, s := range report.Signatures {
		found = append(found, fmt.Sprintf("%s at %s", s.Type, s.Offset))
	}
	return found, nil
}

// physical is what LVM knows of a block device.
type physical struct {
	UUID  string `json:"pv_uuid"`
	Group string `json:"vg_name"`
}

// left says that this is what a Release that was cut off has left of a device: its physical volume, without a group. Any other one is
// somebody else's, as long as nobody says that it may be wiped.
func (p physical) left(d Device) bool { return p.Group == "" && p.UUID != "" && p.UUID == d.UUID }

// physical asks LVM about a block device. One that it does not know is empty.
func (p lvm) physical(ctx context.Context, d Device) (physical, error) {
	rows, err := report[physical](ctx, p.tools, "pvs", "pv", "pv_uuid,vg_name", d.Name)
	if err != nil || len(rows) == 0 {
		return physical{}, err
	}
	return rows[0], nil
}

// Measure implements Provisioner.
func (p lvm) Measure(ctx context.Context, d Device) (Measure, error) {
	type row struct {
		Size bytesText `json:"vg_size"`
		Free bytesText `json:"vg_free"`
		Unit bytesText `json:"vg_extent_size"`
		UUID string    `json:"pv_uuid"`
	}
	rows, err := report[row](ctx, p.tools, "vgs", "vg", "vg_size,vg_free,vg_extent_size,pv_uuid", group(d))
	if err != nil {
		return Measure{}, err
	}
	if len(rows) != 1 {
		return Measure{}, refuse(d, "its volume group %s is not there", group(d))
	}
	r := rows[0]
	return Measure{Size: uint64(r.Size), Free: uint64(r.Free), Unit: uint64(r.Unit), UUID: r.UUID}, nil
}

// Rescan implements Provisioner. The name may be another disk's by now, which is left alone: the group is found by its own name.
func (p lvm) Rescan(ctx context.Context, d Device) (Measure, error) {
	held, err := p.physical(ctx, d)
	if err == nil && held.Group == group(d) {
		_, err = p.run(ctx, "pvresize", "--quiet", d.Name)
	}
	if err != nil {
		return Measure{}, refuse(d, "%v", err)
	}
	return p.Measure(ctx, d)
}

// Release implements Provisioner.
func (p lvm) Release(ctx context.Context, d Device) error {
	held, err := p.physical(ctx, d)
	if err != nil || held.Group != "" && held.Group != group(d) {
		return err
	}
	if held.Group != "" {
		if _, err := p.run(ctx, "vgremove", "--quiet", group(d)); err != nil { // refuses if there are volumes
			return refuse(d, "%v", err)
		}
	} else if !held.left(d) {
		return nil
	}
	if _, err := p.run(ctx, "pvremove", "--quiet", d.Name); err != nil {
		return refuse(d, "%v", err)
	}
	return nil
}

// Bricks implements Provisioner.
func (p lvm) Bricks(ctx context.Context, d Device) ([]string, error) {
	type row struct {
		Name string `json:"lv_name"`
	}
	rows, err := report[row](ctx, p.tools, "lvs", "lv", "lv_name", group(d))
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
	}
	return brickIDs(names, []string{imageName(Brick{}), pool(Brick{})}, nil), err
}

// Folder implements Provisioner.
func (p lvm) Folder(_ Device, b Brick) string { return p.mountPoint(b) }

func node(d Device, b Brick) string { return "/dev/" + group(d) + "/" + imageName(b) }

// formatted is the tag of a thin volume whose filesystem is whole.
const formatted = "gd2-formatted"

// volumes lists the logical volumes of a brick that are there, with their tags.
func (p lvm) volumes(ctx context.Context, d Device, b Brick) (map[string]string, error) {
	type row struct {
		Name string `json:"lv_name"`
		Tags string `json:"lv_tags"`
	}
	rows, err := report[row](ctx, p.tools, "lvs", "lv", "lv_name,lv_tags", group(d))
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, r := range rows {
		if r.Name == pool(b) || r.Name == imageName(b) {
			out[r.Name] = r.Tags
		}
	}
	return out, nil
}

// noSpare keeps LVM from taking extents, for the repair of pools, that no brick accounts for: a device that is nearly full would give less
// than it has.
const noSpare = "--poolmetadataspare=n"

// Make implements Provisioner.
func (p lvm) Make(ctx context.Context, d Device, b Brick) error {
	have, err := p.volumes(ctx, d, b)
	if err != nil {
		return err
	}
	tags, made := have[imageName(b)]
	if !made {
		if _, half := have[pool(b)]; half {
			if err := p.removeVolume(ctx, d, pool(b)); err != nil {
				return err
			}
		}
		if _, err := p.run(ctx, "lvcreate", "--quiet", "--yes", "--autobackup=n", noSpare, "--poolmetadatasize", kib(b.Metadata), "--chunksize", "256K",
			"--size", kib(b.Pool), "--thin", group(d)+"/"+pool(b), "--virtualsize", kib(b.Size), "--name", imageName(b)); err != nil {
			return refuse(d, "%v", err)
		}
	}
	if !strings.Contains(tags, formatted) {
		if err := p.mkfs(ctx, node(d, b), b); err != nil {
			return refuse(d, "%v", err)
		}
		if _, err := p.run(ctx, "lvchange", "--quiet", "--addtag", formatted, group(d)+"/"+imageName(b)); err != nil {
			return refuse(d, "%v", err)
		}
	}
	return p.Mount(ctx, d, b)
}

// Mount implements Provisioner.
func (p lvm) Mount(ctx context.Context, d Device, b Brick) error {
	if mounted, err := mountinfo.Mounted(p.mountPoint(b)); err == nil && mounted {
		return nil
	}
	if _, err := p.run(ctx, "lvchange", "--quiet", "--activate", "y", group(d)+"/"+imageName(b)); err != nil {
		return refuse(d, "%v", err)
	}
	return p.mount(ctx, node(d, b), b, ",discard")
}

// Unmake implements Provisioner.
func (p lvm) Unmake(ctx context.Context, d Device, b Brick) error {
	if err := p.unmount(b); err != nil {
		return err
	}
	have, err := p.volumes(ctx, d, b)
	if err != nil {
		return err
	}
	for _, name := range []string{imageName(b), pool(b)} {
		if _, ok := have[name]; !ok {
			continue
		}
		if err := p.removeVolume(ctx, d, name); err != nil {
			return err
		}
	}
	return nil
}

func (p lvm) removeVolume(ctx context.Context, d Device, name string) error {
	if _, err := p.run(ctx, "lvremove", "--quiet", "--force", "--autobackup=n", group(d)+"/"+name); err != nil {
		return refuse(d, "%v", err)
	}
	return nil
}

// Grow implements Provisioner.
func (p lvm) Grow(ctx context.Context, d Device, b Brick) error {
	if err := p.Mount(ctx, d, b); err != nil {
		return err
	}
	for _, step := range []struct{ flag, size, name string }{
		{"--poolmetadatasize", kib(b.Metadata), pool(b)}, {"--size", kib(b.Pool), pool(b)}, {"--size", kib(b.Size), imageName(b)},
	} {
		_, err := p.run(ctx, "lvextend", "--quiet", "--autobackup=n", step.flag, step.size, group(d)+"/"+step.name)
		// A volume that has the size already, from a try that was cut off, is no failure.
		if err != nil && !strings.Contains(err.Error(), "matches existing size") && !strings.Contains(err.Error(), "not larger than existing size") {
			return refuse(d, "%v", err)
		}
	}
	if err := p.dropSpare(ctx, d); err != nil {
		return err
	}
	return p.growXFS(ctx, b)
}

// dropSpare removes the spare metadata volume, which lvextend makes and cannot be kept from making.
func (p lvm) dropSpare(ctx context.Context, d Device) error {
	type row struct {
		Name string `json:"lv_name"`
	}
	rows, err := report[row](ctx, p.tools, "lvs", "lv", "lv_name", "--all", group(d))
	if err != nil {
		return err
	}
	for _, r := range rows {
		if name := strings.Trim(r.Name, "[]"); strings.HasSuffix(name, "_pmspare") {
			return p.removeVolume(ctx, d, name)
		}
	}
	return nil
}

// kib writes bytes as LVM reads them.
func kib(n uint64) string { return strconv.FormatUint(n/1024, 10) + "k" }

// bytesText is a number of bytes as LVM reports it.
type bytesText uint64

// UnmarshalJSON reads "4194304".
func (b *bytesText) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseUint(strings.Trim(string(raw), `"`), 10, 64)
	*b = bytesText(n)
	return err
}

// report asks one of LVM's reporting commands, and returns its rows. What LVM does not know gives no rows.
func report[T any](ctx context.Context, t *tools, command, rows, fields string, about ...string) ([]T, error) {
	out, err := t.run(ctx, command, append([]string{"--reportformat=json", "--units=b", "--nosuffix", "--options=" + fields}, about...)...)
	var failed *runcmd.Error
	if errors.As(err, &failed) && failed.ExitCode == notFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var doc struct {
		Report []map[string]json.RawMessage `json:"report"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	var all []T
	for _, part := range doc.Report {
		var some []T
		if raw, ok := part[rows]; ok {
			if err := json.Unmarshal(raw, &some); err != nil {
				return nil, fmt.Errorf("%s: %w", command, err)
			}
		}
		all = append(all, some...)
	}
	return all, nil
}

// firstLine returns the first line of a text.
func firstLine(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return strings.TrimSpace(line)
}
