package volume

import (
	"strings"

	"gd2/store"
)

// Options that switch quota on.
const (
	OptionQuota        = "features.quota"
	OptionInodeQuota   = "features.inode-quota"
	OptionQuotaStatfs  = "features.quota-deem-statfs"
	OptionQuotaPercent = "features.default-soft-limit"
)

// HasQuota reports whether quota is switched on for the volume.
func (v *Volume) HasQuota() bool { return v.Options[OptionQuota] == "on" }

// Limit is the record of what one directory of a volume may hold.
type Limit struct {
	// GFID is the directory's identity: the limit follows it when it is renamed. Path is where it was found last.
	GFID string `json:"gfid"`
	Path string `json:"path"`
	// Usage bounds bytes, Objects files and directories; nil means no bound.
	Usage   *Bound `json:"usage,omitempty"`
	Objects *Bound `json:"objects,omitempty"`
}

// Bound is one limit. Soft is the percentage of Hard from which on bricks warn; SoftDefault leaves it to the volume's option.
type Bound struct {
	Hard uint64 `json:"hard"`
	Soft int    `json:"soft"`
}

// SoftDefault is the soft limit of the volume's option.
const SoftDefault = -1

// Limits is the kind of the limits of one volume, by gfid.
func Limits(volumeID string) store.Kind[Limit] {
	return store.NewKind[Limit](store.PrefixQuota+volumeID+"/", 1)
}

// AllLimits holds the limits of all volumes, by LimitID.
var AllLimits = store.NewKind[Limit](store.PrefixQuota, 1)

// LimitID takes the id of a record of AllLimits apart.
func LimitID(id string) (volumeID, gfid string) {
	volumeID, gfid, _ = strings.Cut(id, "/")
	return volumeID, gfid
}
