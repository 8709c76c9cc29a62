package api

// Kinds of provisioners, as they stand in Device.Provisioner.
const (
	ProvisionerLVM       = "lvm"
	ProvisionerLoop      = "loop"
	ProvisionerDirectory = "directory" // an addition
)

// States of a device.
const (
	DeviceEnabled  = "enabled"
	DeviceDisabled = "disabled"
	// DeviceFailed is that of a device that is out of service for good (an addition).
	DeviceFailed = "failed"
)

// TagPrefix begins the metadata keys of a peer that are tags of all its devices.
const TagPrefix = "tag."

// Device is a place on a peer where gd2 makes bricks of a size. Sizes are bytes.
type Device struct {
	Device      string `json:"device"`
	Provisioner string `json:"provisioner"`
	State       string `json:"state"`
	FreeSize    uint64 `json:"free-size"`
	TotalSize   uint64 `json:"total-size"`
	UsedSize    uint64 `json:"used-size"`
	ExtentSize  uint64 `json:"extent-size"`
	Used        bool   `json:"device-used"`
	PeerID      string `json:"peer-id"`
	// The rest are additions.
	ID       string            `json:"id"`
	Hostname string            `json:"host"`
	Tags     map[string]string `json:"tags"`
	Bricks   int               `json:"bricks"`
	// Evacuation is there if the device is being emptied, or was.
	Evacuation *Evacuation `json:"evacuation,omitempty"`
}

// Evacuation tells how far the bricks of a device have been moved to others (an addition).
type Evacuation struct {
	// Since is when it began, in the form of RFC 3339.
	Since string `json:"since"`
	// Bricks is how many there were to move, Left how many are on the device still.
	Bricks  int `json:"bricks"`
	Left    int `json:"left"`
	Percent int `json:"percent"`
	// Healing is the volume of the brick that was moved last, while that is being healed.
	Healing string `json:"healing,omitempty"`
	// Waits says what keeps the next brick from being moved.
	Waits string `json:"waits,omitempty"`
	Done  bool   `json:"done"`
	// To is the id of the device that takes the place of this one, if it is being replaced.
	To string `json:"to,omitempty"`
}

// EvacuateReq asks for all bricks of a device (POST /v1/devices/{peerid}/{device}/evacuate) or of all devices of a peer (POST
// /v1/peers/{peerid}/evacuate) to be moved to others; additions.
type EvacuateReq struct {
	// Gone says that the peer is away for good, and its host is off.
	Gone bool `json:"gone,omitempty"`
	// Force begins although some bricks find no place or must not move now: the others move, and these when they can. It gives nothing up.
	Force bool `json:"force,omitempty"`
	// NoHealCheck moves bricks although others have files to be healed from them, or are offline, as long as enough of them serve, and does
	// not wait for heals in between. What only the old brick has is lost.
	NoHealCheck bool `json:"no-heal-check,omitempty"`
}

// DeviceReplaceReq asks for a device to be replaced (POST /v1/devices/{peerid}/{device}/replace): a new one is taken into use, the bricks
// are moved, to the new one if they can, and the old one is given up; an addition.
type DeviceReplaceReq struct {
	// Device is the path of the new device. It gets the provisioner of the old one.
	Device string `json:"device"`
	// PeerID is the peer of the new device: if it is empty that of the old one, or the peer that has taken its place.
	PeerID string `json:"peer-id,omitempty"`
	// Tags are set over those of the old device; one with an empty value is left out.
	Tags map[string]string `json:"tags,omitempty"`
	// Wipe must repeat the path of the new device, to have whatever it holds wiped.
	Wipe string `json:"wipe,omitempty"`
	EvacuateReq
}

// DeviceAddReq asks a peer to take a device into use (POST /v1/devices/{peerid}).
type DeviceAddReq struct {
	// Device is the path of a block device, or of an empty directory for the provisioners loop and directory.
	Device string `json:"device"`
	// Provisioner is lvm if it is empty.
	Provisioner string            `json:"provisioner,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	// Wipe must repeat the path of a block device that holds something, to have it wiped.
	Wipe string `json:"wipe,omitempty"`
}

// DeviceEditReq changes a device (POST /v1/devices/{peerid}/{device}). What is left out stays.
type DeviceEditReq struct {
	State string `json:"state,omitempty"`
	// Tags are set; one with an empty value is taken away.
	Tags map[string]string `json:"tags,omitempty"`
	// Rescan measures the device again, after it was made larger.
	Rescan bool `json:"rescan,omitempty"`
}
