// Package device is the domain of devices: where peers make bricks of a size, and how much room is left there.
package device

import (
	"fmt"
	"maps"
	"path"
	"strings"
	"time"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// Device is the record of a device.
type Device struct {
	ID     string `json:"id"`
	PeerID string `json:"peer-id"`
	// Name is the absolute path of the block device or the directory on its peer.
	Name string `json:"name"`
	// Provisioner is the kind of the device: api.ProvisionerLVM, ProvisionerLoop or ProvisionerDirectory.
	Provisioner string `json:"provisioner"`
	// State is api.DeviceEnabled or api.DeviceDisabled; the latter gets no new bricks.
	State string            `json:"state"`
	Tags  map[string]string `json:"tags,omitempty"`
	// Evacuation is set while the bricks of the device are moved away, and after that.
	Evacuation *Evacuation `json:"evacuation,omitempty"`
	// Size is what the device can hold when it holds no bricks, in bytes, as measured last; Unit is what it gives out at
	// once, 0 for single bytes.
	Size uint64 `json:"size"`
	Unit uint64 `json:"unit,omitempty"`
	// UUID is what LVM calls the device.
	UUID string `json:"uuid,omitempty"`
	// Mounts is the directory on the peer below which the filesystems of bricks are mounted.
	Mounts string `json:"mounts,omitempty"`
}

// Evacuation says that all bricks of a device are to be moved to others. It is carried on by whichever peer does the pool's work.
type Evacuation struct {
	Since time.Time `json:"since"`
	// Bricks is how many there were to move.
	Bricks int `json:"bricks"`
	// Gone says that the peer is away for good: its bricks need not be stopped.
	Gone bool `json:"gone,omitempty"`
	// Unhealed says that bricks move although others have files to be healed from them.
	Unhealed bool `json:"unhealed,omitempty"`
	// To is the id of the device that is to take the place of this one: the bricks go there if they can, and nothing else does until they
	// have been moved.
	To string `json:"to,omitempty"`
	// Healing is the brick that was moved last, which is to be healed before the next one moves.
	Healing *Place `json:"healing,omitempty"`
	// Waits says what keeps the next brick from being moved; empty if nothing does.
	Waits string `json:"waits,omitempty"`
	// Done is when the last brick had been moved, and its volume healed.
	Done time.Time `json:"done,omitzero"`
}

// Place is a brick of a volume, by its id.
type Place struct {
	Volume string `json:"volume"`
	Brick  string `json:"brick"`
}

// Same reports whether two say the same.
func (e *Evacuation) Same(o *Evacuation) bool {
	if e == nil || o == nil || (e.Healing == nil) != (o.Healing == nil) || e.Healing != nil && *e.Healing != *o.Healing {
		return e == o
	}
	return e.Since.Equal(o.Since) && e.Bricks == o.Bricks && e.Gone == o.Gone && e.Unhealed == o.Unhealed && e.To == o.To && e.Waits == o.Waits && e.Done.Equal(o.Done)
}

// info is the evacuation as REST clients see it, while there are so many bricks left.
func (e *Evacuation) info(left int) *api.Evacuation {
	if e == nil {
		return nil
	}
	out := api.Evacuation{Since: e.Since.Format(time.RFC3339), Bricks: e.Bricks, Left: left, Waits: e.Waits, Done: !e.Done.IsZero(), To: e.To}
	if e.Healing != nil {
		out.Healing = e.Healing.Volume
	}
	if out.Percent = 100; !out.Done && e.Bricks > 0 {
		out.Percent = min(99, 100*e.Moved(left)/e.Bricks)
	}
	return &out
}

// Moved is how many of the bricks have been moved, and healed, while there are so many left on the device.
func (e *Evacuation) Moved(left int) int {
	if e.Healing != nil {
		left++
	}
	return max(0, e.Bricks-left)
}

// Records holds the devices, by id.
var Records = store.NewKind[*Device](store.PrefixDevices, 1).Shows("state", "tags", "size", "evacuation")

// CheckName checks the path of a device. The error is Invalid.
func CheckName(name string) error {
	if !path.IsAbs(name) || path.Clean(name) != name || name == "/" || len(name) > 1024 || strings.ContainsFunc(name, odd) {
		return api.FieldErrorf("device", "device %.80q: give the absolute path of a block device or of a directory, such as /dev/sdb", name)
	}
	return nil
}

// odd tells of characters that a name does not have: they would have to be quoted in volfiles and reports.
func odd(r rune) bool { return r <= ' ' || r == 0x7f || r == '"' || r == '\'' || r == '\\' }

// Find returns the device of a peer that is called name: its path, with or without the leading slash, or its id.
func Find(r store.Reader, peerID, name string) (store.Record[*Device], error) {
	recs, err := Records.List(r)
	if err != nil {
		return store.Record[*Device]{}, err
	}
	for _, rec := range recs {
		if rec.Value.PeerID == peerID && (rec.ID == name || rec.Value.Name == "/"+strings.TrimPrefix(name, "/")) {
			return rec, nil
		}
	}
	return store.Record[*Device]{}, api.Errorf(api.NotFound, "device %.80q is not known on peer %s", name, peer.Hosts(r)(peerID)).With("device", name)
}

// ClaimPrefix begins the names of the claims on devices that transactions make; the rest is the device's id and the unit
// is bytes.
const ClaimPrefix = "device/"

// Use is what is taken of a device.
type Use struct {
	// Bytes are those of the bricks on the device, and those that running transactions have claimed.
	Bytes  uint64
	Bricks int
}

// onVolumes adds up the bricks of all volumes, by device.
var onVolumes = store.View[*volume.Volume, map[string]Use]{
	Kind: volume.Records,
	New:  func() map[string]Use { return map[string]Use{} },
	Put: func(uses map[string]Use, rec store.Record[*volume.Volume]) {
		for b := range rec.Value.All() {
			if b.Device != "" {
				u := uses[b.Device]
				uses[b.Device] = Use{u.Bytes + b.Cost, u.Bricks + 1}
			}
		}
	},
	Drop: func(uses map[string]Use, rec store.Record[*volume.Volume]) {
		for b := range rec.Value.All() {
			if b.Device == "" {
				continue
			}
			u := uses[b.Device]
			if uses[b.Device] = (Use{u.Bytes - b.Cost, u.Bricks - 1}); u.Bricks == 1 {
				delete(uses, b.Device)
			}
		}
	},
}

// Uses adds up what is taken of every device, by id: the bricks of all volumes, those that peers are still to remove, and what
// running transactions may yet take. There is no counter on record that could be wrong: whatever takes room says so in its own record, and gives it back with it.
func Uses(r store.Reader) (map[string]Use, error) {
	var uses map[string]Use
	if err := onVolumes.Read(r, func(u map[string]Use) { uses = maps.Clone(u) }); err != nil {
		return nil, err
	}
	debts, err := Debts.List(r)
	if err != nil {
		return nil, err
	}
	for _, rec := range debts {
		b := rec.Value.Brick()
		u := uses[b.Device]
		uses[b.Device] = Use{u.Bytes + b.Cost, u.Bricks}
	}
	claims, err := transaction.Claimed(r)
	if err != nil {
		return nil, err
	}
	for name, bytes := range claims {
		if id, ok := strings.CutPrefix(name, ClaimPrefix); ok {
			u := uses[id]
			uses[id] = Use{u.Bytes + bytes, u.Bricks}
		}
	}
	return uses, nil
}

// Free returns what is left of the device, in bytes.
func (d *Device) Free(u Use) uint64 {
	if u.Bytes >= d.Size {
		return 0
	}
	return d.Size - u.Bytes
}

// Folder returns where the filesystem of a brick on the device is found: below the directory of mounts, or, for plain
// directories, on the device itself.
func (d *Device) Folder(brickID string) string {
	if d.Provisioner == api.ProvisionerDirectory {
		return path.Join(d.Name, "brick_"+brickID)
	}
	return path.Join(d.Mounts, brickID)
}

// Lock names the lock of a device.
func Lock(id string) string { return "device/" + id }

// AllTags returns the tags of the device over those of its peer.
func (d *Device) AllTags(p *peer.Peer) map[string]string {
	out := map[string]string{}
	for k, v := range p.Metadata {
		if tag, ok := strings.CutPrefix(k, api.TagPrefix); ok {
			out[tag] = v
		}
	}
	maps.Copy(out, d.Tags)
	return out
}

// Info returns the device as REST clients see it.
func (d *Device) Info(u Use, host string) api.Device {
	tags := d.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return api.Device{
		ID: d.ID, Device: d.Name, PeerID: d.PeerID, Hostname: host, Provisioner: d.Provisioner, State: d.State, Tags: tags,
		TotalSize: d.Size, FreeSize: d.Free(u), UsedSize: u.Bytes, ExtentSize: d.Unit, Used: u.Bricks > 0, Bricks: u.Bricks,
		Evacuation: d.Evacuation.info(u.Bricks),
	}
}

// String returns host-independent words for messages: the path and the id.
func (d *Device) String() string { return fmt.Sprintf("%s (%s)", d.Name, d.ID) }

// Limits of tags, Heketi's.
const (
	maxTags     = 32
	maxTagName  = 32
	maxTagValue = 64
)

// CheckTags checks the tags of a device. The error is Invalid.
func CheckTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return api.FieldErrorf("tags", "%d tags: at most %d", len(tags), maxTags)
	}
	for k, v := range tags {
		if k == "" || len(k) > maxTagName || strings.ContainsFunc(k, notInTag) {
			return api.FieldErrorf("tags", "tag %.40q: names are of 1 to %d letters, digits, dots, dashes and underscores", k, maxTagName)
		}
		if len(v) > maxTagValue || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return api.FieldErrorf("tags", "tag %s: its value %.80q is longer than %d or has control characters", k, v, maxTagValue)
		}
	}
	return nil
}

func notInTag(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
}
