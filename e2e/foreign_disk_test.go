package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// addDisk gives a peer a disk of a size, and returns its path. LVM sees the disks of its own peer only.
func (p pool) addDisk(n int, name string, mib int) string {
	p.t.Helper()
	image := p.Peer(n).Path("/srv/" + name)
	p.must(os.WriteFile(image, nil, 0o600))
	p.must(os.Truncate(image, int64(mib)<<20))
	out, err := p.Peer(n).Run(p.t.Context(), "losetup", "--find", "--show", "/srv/"+name)
	p.must(err)
	disk := strings.TrimSpace(out)
	p.t.Cleanup(func() { _ = p.Peer(n).Command(context.Background(), "losetup", "--detach", disk).Run() })
	conf := p.Peer(n).Path("/etc/lvm/lvmlocal.conf")
	text, err := os.ReadFile(conf)
	p.must(err)
	const mine, others = "devices/filter = [ ", `"r|.*|" ]`
	head, list, _ := strings.Cut(string(text), mine)
	list = strings.TrimSuffix(list, others)
	p.must(os.WriteFile(conf, []byte(head+mine+list+fmt.Sprintf(`"a|^%s$|", `, disk)+others), 0o644))
	return disk
}

// partitioned is a partition table with one partition, that of old PCs.
func partitioned() []byte {
	table := make([]byte, 512)
	copy(table[446:], []byte{0, 0, 2, 0, 0x83, 0, 3, 0, 1, 0, 0, 0, 0, 8, 0, 0})
	copy(table[510:], []byte{0x55, 0xaa})
	return table
}

// foreignDisk takes for a device a disk that holds, one after the other, what somebody may need: it is refused with what that is, and
// nothing is written to it. Only who says so gets it wiped, and nobody what is in a volume group.
func (p pool) foreignDisk(n int) {
	p.t.Helper()
	disk, host := p.addDisk(n, "foreign", 400), p.Peer(n).Name
	run := func(argv ...string) {
		p.t.Helper()
		_, err := p.Peer(n).Run(p.t.Context(), argv...)
		p.must(err)
	}
	kept := func(want string, words ...string) {
		p.t.Helper()
		before := p.beginning(disk)
		p.refused(1, []string{"device " + disk + ": " + want}, append([]string{"device", "add", host, disk}, words...)...)
		if !bytes.Equal(p.beginning(disk), before) {
			p.t.Errorf("%s, of which gd2 says that it %s, is not as it was", disk, want)
		}
	}
	run("mkfs.ext4", "-q", disk)
	kept("holds ext4 at 0x438: its data would be lost")
	run("wipefs", "--all", "--quiet", disk)
	p.must(os.WriteFile(disk, partitioned(), 0o600))
	kept("holds dos at 0x1fe: its data would be lost")
	run("vgcreate", "--quiet", "--yes", "theirs", disk)
	kept("belongs to the volume group theirs: remove that first")
	kept("belongs to the volume group theirs: remove that first", "--wipe")
	run("vgremove", "--quiet", "theirs")
	kept("holds LVM2_member at 0x218: its data would be lost")
	p.cli("device", "add", host, disk, "--wipe")
	p.cli("device", "remove", host, disk)
	run("losetup", "--detach", disk)
}

// beginning is what a disk holds where filesystems, partition tables and LVM have what they are known by.
func (p pool) beginning(disk string) []byte {
	p.t.Helper()
	f, err := os.Open(disk)
	p.must(err)
	defer f.Close()
	out, err := io.ReadAll(io.LimitReader(f, 4<<20))
	p.must(err)
	return out
}
