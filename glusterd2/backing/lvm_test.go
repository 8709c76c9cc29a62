package backing_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/backing"
	"gd2/pkg/runcmd"
)

// fakeLVM answers LVM's commands as LVM 2.03 does, from what was made by them. The real one is tried on a kernel that has
// thin pools, by the tests in the virtual machine.
type fakeLVM struct {
	group   string
	volumes map[string]string // names of logical volumes, and their tags
	held    string            // what wipefs sees
	remains bool              // what only LVM sees
	loose   string            // the physical volume, by its UUID, that is in no group
	ran     []string
	fail    string // the command that fails
}

const wiped = `{"signatures": [{"device":"sdb","offset":"0x438","type":"ext4","uuid":"u","label":null}]}`

const loose = `{"signatures": [{"device":"sdb","offset":"0x218","type":"LVM2_member","uuid":"u","label":null}]}`

func (f *fakeLVM) run(_ context.Context, c runcmd.Command) (runcmd.Result, error) {
	f.ran = append(f.ran, c.Name)
	if c.Name == f.fail {
		return runcmd.Result{}, &runcmd.Error{Command: c.Name, ExitCode: 3, LastLine: "no"}
	}
	switch c.Name {
	case "pvs", "vgs", "lvs":
		return f.report(c.Name)
	case "blockdev":
		return runcmd.Result{Stdout: []byte("10867441664\n")}, nil
	case "wipefs":
		return f.wipefs(slices.Contains(c.Args, "--all"))
	case "vgcreate":
		if (f.held != "" || f.remains) && !slices.Contains(c.Args, "--yes") {
			return runcmd.Result{ExitCode: 5}, &runcmd.Error{Command: c.Name, ExitCode: 5, LastLine: "1 existing signature left on the device."}
		}
		f.remains = false
		f.group, f.loose = c.Args[len(c.Args)-2], ""
	case "vgremove":
		f.group, f.loose, f.held = "", "UUID", loose
	case "pvremove":
		f.loose, f.held = "", ""
	case "lvcreate":
		f.volumes[after(c.Args, "--thin")] = ""
		f.volumes[after(c.Args, "--name")] = ""
	case "lvchange":
		if tag := after(c.Args, "--addtag"); tag != "" {
			f.volumes[last(c.Args)] = tag
		}
	case "lvextend":
		// As LVM 2.03: it has no way to do without a spare, and knows no option for it.
		if slices.ContainsFunc(c.Args, func(a string) bool { return strings.Contains(a, "spare") }) {
			return runcmd.Result{ExitCode: 3}, &runcmd.Error{Command: c.Name, ExitCode: 3, LastLine: "Error during parsing of command line."}
		}
		f.volumes["[lvol0_pmspare]"] = ""
	case "lvremove":
		delete(f.volumes, last(c.Args))
		delete(f.volumes, "["+last(c.Args)+"]")
	}
	return runcmd.Result{}, nil
}

func (f *fakeLVM) wipefs(all bool) (runcmd.Result, error) {
	if all {
		f.held = ""
	}
	return runcmd.Result{Stdout: []byte(f.held)}, nil
}

func (f *fakeLVM) report(command string) (runcmd.Result, error) {
	if command == "pvs" && f.loose != "" {
		return runcmd.Result{Stdout: []byte(`{"report":[{"pv":[{"pv_uuid":"` + f.loose + `","vg_name":""}]}]}`)}, nil
	}
	if f.group == "" {
		return runcmd.Result{ExitCode: 5}, &runcmd.Error{Command: command, ExitCode: 5, LastLine: "not found"}
	}
	var rows []string
	switch command {
	case "pvs":
		rows = append(rows, fmt.Sprintf(`{"pv_uuid":"UUID","vg_name":%q}`, f.group))
	case "vgs":
		if slices.Contains(f.ran, "pvresize") {
			return runcmd.Result{Stdout: []byte(`{"report":[{"vg":[{"vg_size":"21470642176","vg_free":"20000000000","vg_extent_size":"4194304","pv_uuid":"UUID"}]}]}`)}, nil
		}
		rows = append(rows, `{"vg_size":"10733223936","vg_free":"9000000000","vg_extent_size":"4194304","pv_uuid":"UUID"}`)
	case "lvs":
		for name, tags := range f.volumes {
			rows = append(rows, fmt.Sprintf(`{"lv_name":%q,"lv_tags":%q}`, name, tags))
		}
	}
	return runcmd.Result{Stdout: []byte(`{"report":[{"` + command[:2] + `":[` + strings.Join(rows, ",") + `]}]}`)}, nil
}

// after returns the argument behind a flag, without the volume group.
func after(args []string, flag string) string {
	i := slices.Index(args, flag)
	if i < 0 {
		return ""
	}
	return args[i+1][strings.IndexByte(args[i+1], '/')+1:]
}

func last(args []string) string { return after(append([]string{""}, args[len(args)-1]), "") }

func lvmRig(t *testing.T) (*fakeLVM, backing.Provisioner, backing.Device) {
	t.Helper()
	f := &fakeLVM{volumes: map[string]string{}}
	h, _ := host(t, f.run)
	return f, kind(t, h, backing.LVM), backing.Device{ID: "d1", Name: "/dev/sdb"}
}

// What is told of a disk before it is taken is close to what it has afterwards, and nothing is changed.
func TestLVMLook(t *testing.T) {
	f, p, d := lvmRig(t)
	f.held = wiped
	_, err := p.Look(t.Context(), d, false)
	says(t, err, "holds ext4 at 0x438: its data would be lost")
	look, err := p.Look(t.Context(), d, true)
	if err != nil || look.Size != 10729029632 || look.Unit != 4<<20 || f.held == "" || slices.Contains(f.ran, "vgcreate") {
		t.Errorf("%+v, %v, ran %v", look, err, f.ran)
	}
	m, err := p.Take(t.Context(), d, true)
	if again, err2 := p.Look(t.Context(), d, false); err != nil || err2 != nil || again != m || look.Size > m.Size {
		t.Errorf("%+v, then %+v, %v, %v", m, again, err, err2)
	}
	f.fail = "blockdev"
	f.group = ""
	_, err = p.Look(t.Context(), d, true)
	says(t, err, "blockdev")
}

func TestLVMTake(t *testing.T) {
	f, p, d := lvmRig(t)
	f.held = wiped
	_, err := p.Take(t.Context(), d, false)
	says(t, err, "holds ext4 at 0x438: its data would be lost")
	if slices.Contains(f.ran, "vgcreate") || f.held == "" {
		t.Errorf("ran %v", f.ran)
	}
	m, err := p.Take(t.Context(), d, true)
	if err != nil || m != (backing.Measure{Size: 10733223936, Free: 9000000000, Unit: 4 << 20, UUID: "UUID"}) {
		t.Errorf("%+v, %v", m, err)
	}
	f.ran = nil
	if _, err := p.Take(t.Context(), d, true); err != nil || slices.Contains(f.ran, "wipefs") {
		t.Errorf("once more: %v, ran %v", err, f.ran)
	}
	_, err = p.Take(t.Context(), backing.Device{ID: "d2", Name: "/dev/sdb"}, true)
	says(t, err, "belongs to the volume group vg_d1")
	must(t, p.Release(t.Context(), backing.Device{ID: "d2", Name: "/dev/sdb"})) // the undo of what was refused
	if f.group != "vg_d1" {
		t.Error("the undo took another's volume group")
	}
	must(t, p.Release(t.Context(), d))
	if f.group != "" {
		t.Error("the volume group is still there")
	}
}

// What only LVM sees of a device's contents is not wiped either unless somebody says so.
func TestLVMTakeKeepsWhatIsHidden(t *testing.T) {
	f, p, d := lvmRig(t)
	f.remains = true
	_, err := p.Take(t.Context(), d, false)
	says(t, err, "1 existing signature left on the device")
	if !f.remains || f.group != "" {
		t.Errorf("%+v", f)
	}
	_, err = p.Take(t.Context(), d, true)
	must(t, err)
	if f.remains || f.group == "" {
		t.Errorf("%+v", f)
	}
}

// A disk that was made larger is measured again; another one that has its name now is left alone.
func TestLVMRescan(t *testing.T) {
	f, p, d := lvmRig(t)
	_, err := p.Take(t.Context(), d, false)
	must(t, err)
	if m, err := p.Rescan(t.Context(), d); err != nil || m.Size != 21470642176 {
		t.Errorf("%+v, %v", m, err)
	}
	f.fail = "pvresize"
	_, err = p.Rescan(t.Context(), d)
	says(t, err, "pvresize")
	f.ran = nil
	if _, err := p.Rescan(t.Context(), backing.Device{ID: "d2", Name: d.Name}); err != nil || slices.Contains(f.ran, "pvresize") {
		t.Errorf("%v, ran %v", err, f.ran)
	}
}

func TestLVMBricks(t *testing.T) {
	f, p, d := lvmRig(t)
	_, err := p.Take(t.Context(), d, false)
	must(t, err)
	b := backing.Brick{ID: "b1", Size: 1 << 30, Pool: 1 << 30, Metadata: 8 << 20}
	for _, fail := range []string{"lvcreate", "mkfs.xfs", "lvchange"} {
		f.fail = fail
		says(t, p.Make(t.Context(), d, b), fail)
		f.fail = ""
		must(t, p.Unmake(t.Context(), d, b))
		if len(f.volumes) > 0 {
			t.Errorf("%s: left behind: %v", fail, f.volumes)
		}
	}
	// A pool without its volume, and a volume without its filesystem, are what a crash can leave.
	f.volumes["tp_b1"] = ""
	f.fail = "mkfs.xfs"
	says(t, p.Make(t.Context(), d, b), "mkfs.xfs")
	f.fail = "mount"
	says(t, p.Make(t.Context(), d, b), "mount")
	f.fail, f.ran = "", nil
	must(t, p.Make(t.Context(), d, b))
	if slices.Contains(f.ran, "mkfs.xfs") || slices.Contains(f.ran, "lvcreate") {
		t.Errorf("made again: %v", f.ran)
	}
	if ids, err := p.Bricks(t.Context(), d); err != nil || !slices.Equal(ids, []string{"b1"}) {
		t.Errorf("on the device: %v, %v", ids, err)
	}
	must(t, p.Unmake(t.Context(), d, b))
	if len(f.volumes) > 0 {
		t.Errorf("left behind: %v", f.volumes)
	}
}

// Growing leaves no spare behind, which no brick accounts for.
func TestLVMGrow(t *testing.T) {
	f, p, d := lvmRig(t)
	_, err := p.Take(t.Context(), d, false)
	must(t, err)
	b := backing.Brick{ID: "b1", Size: 1 << 30, Pool: 1 << 30, Metadata: 8 << 20}
	must(t, p.Make(t.Context(), d, b))
	b.Size, b.Pool, b.Metadata = 2<<30, 2<<30, 12<<20
	must(t, p.Grow(t.Context(), d, b))
	if len(f.volumes) != 2 {
		t.Errorf("volumes %v, want the pool and the thin volume", f.volumes)
	}
}

// What a crash leaves between the removal of a volume group and that of its physical volume is taken back, and removed; the physical volume
// of somebody else is neither.
func TestLVMLoosePhysicalVolume(t *testing.T) {
	f, p, d := lvmRig(t)
	_, err := p.Take(t.Context(), d, false)
	must(t, err)
	d.UUID = "UUID"
	f.fail = "pvremove"
	says(t, p.Release(t.Context(), d), "pvremove")
	f.fail = ""
	stranger := backing.Device{ID: "d9", Name: d.Name}
	_, err = p.Take(t.Context(), stranger, false)
	says(t, err, "holds LVM2_member at 0x218")
	must(t, p.Release(t.Context(), stranger)) // the undo of what was refused
	if f.loose == "" {
		t.Error("the undo removed another's physical volume")
	}
	_, err = p.Take(t.Context(), d, false)
	must(t, err)
	f.fail = "pvremove"
	says(t, p.Release(t.Context(), d), "pvremove")
	f.fail = ""
	must(t, p.Release(t.Context(), d))
	if f.loose != "" || f.group != "" {
		t.Error("the physical volume is still there")
	}
}
