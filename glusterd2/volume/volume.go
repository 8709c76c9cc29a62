// Package volume is the domain of volumes: what a volume is, which shapes it may have, and its record in the store.
package volume

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"gd2/pkg/api"
)

// State is where a volume is in its life.
type State string

// The states of a volume.
const (
	Created State = api.VolumeCreated
	Started State = api.VolumeStarted
	Stopped State = api.VolumeStopped
)

// Volume is the record of a volume.
type Volume struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Transport string            `json:"transport"`
	State     State             `json:"state"`
	Subvols   []Subvol          `json:"subvols"`
	Options   map[string]string `json:"options"`
	Metadata  map[string]string `json:"metadata"`
	Auth      Auth              `json:"auth"`
	// QuotaVersion counts how often quota was switched on: what bricks counted under an earlier one does not count.
	QuotaVersion int       `json:"quota-version,omitempty"`
	CreatedAt    time.Time `json:"created-at"`
	// Capacity is the size that a volume was asked for, in bytes; 0 for one of bricks that somebody named.
	Capacity uint64 `json:"capacity,omitempty"`
	// GID, if not 0, is the group that owns the root of the volume and may write there.
	GID int `json:"gid,omitempty"`
	// Placement is how the bricks of a volume of a size are chosen, now and later; nil means that anything will do.
	Placement *Placement `json:"placement,omitempty"`
	// Changelog is the name that the volume had when it was created, if it has another now: the xattrs on its bricks that
	// say what is to be healed are named after it.
	Changelog string `json:"changelog,omitempty"`
}

// Placement is what the request for a volume of a size said besides the size: bricks that it gets later are chosen by it too.
// Sizes are bytes, peers are ids.
type Placement struct {
	MaxBrick    uint64 `json:"max-brick,omitempty"`
	AverageFile uint64 `json:"average-file,omitempty"`
	// Reserve is how many times its size a brick takes, for snapshots; 0 means once.
	Reserve float64 `json:"reserve,omitempty"`
	// ZonesOverlap lets copies share a zone.
	ZonesOverlap bool     `json:"zones-overlap,omitempty"`
	Provisioner  string   `json:"provisioner,omitempty"`
	MatchTags    []string `json:"match-tags,omitempty"`
	LimitPeers   []string `json:"limit-peers,omitempty"`
	LimitZones   []string `json:"limit-zones,omitempty"`
	ExcludePeers []string `json:"exclude-peers,omitempty"`
	ExcludeZones []string `json:"exclude-zones,omitempty"`
}

// ClientName returns the name of a brick's client translator.
func (v *Volume) ClientName(b Brick) string { return clientName(v.Name, b) }

// ChangelogName returns what the xattrs are named after that say what a brick has missed.
func (v *Volume) ChangelogName(b Brick) string { return clientName(v.ChangelogBase(), b) }

// ChangelogBase is what the names of these xattrs have in common, after "trusted.afr.".
func (v *Volume) ChangelogBase() string {
	if v.Changelog != "" {
		return v.Changelog
	}
	return v.Name
}

func clientName(base string, b Brick) string { return fmt.Sprintf("%s-client-%d", base, b.Client) }

// optionReadSubvolume names a client translator of the volume.
const optionReadSubvolume = "cluster.read-subvolume"

// Renamed returns the volume under another name. Its bricks keep the names of their xattrs.
func (v *Volume) Renamed(name string) *Volume {
	out := *v
	if n, ok := strings.CutPrefix(v.Options[optionReadSubvolume], v.Name+"-client-"); ok {
		out.Options = maps.Clone(v.Options)
		out.Options[optionReadSubvolume] = name + "-client-" + n
	}
	out.Name, out.Changelog = name, v.ChangelogBase()
	if out.Changelog == name {
		out.Changelog = ""
	}
	return &out
}

// Auth is what the trusted processes of the pool present to the volume's bricks. It is never shown.
type Auth struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// Subvol is a set of bricks that protect the same files. All subvolumes of a volume have the same shape.
// Replica counts the arbiter: "replica 2 arbiter 1" and "replica 3 arbiter 1" are both Replica 3, Arbiter 1.
// Distribute-only volumes have one subvolume for each brick, with Replica 1.
type Subvol struct {
	Type       string  `json:"type"` // api.SubvolDistribute, SubvolReplicate or SubvolDisperse
	Replica    int     `json:"replica,omitempty"`
	Arbiter    int     `json:"arbiter,omitempty"`
	Disperse   int     `json:"disperse,omitempty"`
	Redundancy int     `json:"redundancy,omitempty"`
	Bricks     []Brick `json:"bricks"`
}

// Brick is a directory on a peer that holds a part of the volume.
type Brick struct {
	ID     string `json:"id"`
	PeerID string `json:"peer-id"`
	Path   string `json:"path"`
	// Client numbers the brick's client translator, VOL-client-N; it is kept when a neighbour goes, because the
	// changelog xattrs on disk are named after it.
	Client  int  `json:"client"`
	Arbiter bool `json:"arbiter,omitempty"`
	// Leaving is set while the brick's files are moved to others because it is going to be removed.
	Leaving bool `json:"leaving,omitempty"`
	// Reset is set while the brick is taken out of service to be made anew at the same place. It must not run then.
	Reset bool `json:"reset,omitempty"`
	// InPlaceOf is the id of the brick of a volume without copies that this one was made for: it takes that one's files, which is
	// removed then. It is kept after that, and means nothing any more.
	InPlaceOf string `json:"in-place-of,omitempty"`
	// Device is the id of the device that gd2 made the brick on, Size what the brick holds, Cost what the device gives for
	// it, and Pool the part of that for data, in bytes. They are empty for bricks that somebody else made.
	Device string `json:"device,omitempty"`
	Size   uint64 `json:"size,omitempty"`
	Cost   uint64 `json:"cost,omitempty"`
	Pool   uint64 `json:"pool,omitempty"`
}

// Leaving reports whether the subvolume is going to be removed: its bricks leave together.
func (s Subvol) Leaving() bool { return len(s.Bricks) > 0 && s.Bricks[0].Leaving }

// Bricks returns the bricks of all subvolumes in order.
func (v *Volume) Bricks() []Brick {
	var out []Brick
	for _, s := range v.Subvols {
		out = append(out, s.Bricks...)
	}
	return out
}

// All goes through the bricks of all subvolumes in order.
func (v *Volume) All() iter.Seq[Brick] {
	return func(yield func(Brick) bool) {
		for _, s := range v.Subvols {
			for _, b := range s.Bricks {
				if !yield(b) {
					return
				}
			}
		}
	}
}

// BricksOn returns the bricks that a peer holds, in order.
func (v *Volume) BricksOn(peerID string) []Brick {
	return slices.DeleteFunc(v.Bricks(), func(b Brick) bool { return b.PeerID != peerID })
}

// Peers returns the ids of the peers that hold bricks, sorted, each once.
func (v *Volume) Peers() []string {
	var out []string
	for _, b := range v.Bricks() {
		out = append(out, b.PeerID)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Shape returns the first subvolume, whose shape all others share.
func (v *Volume) Shape() Subvol {
	if len(v.Subvols) == 0 {
		return Subvol{Type: api.SubvolDistribute}
	}
	return v.Subvols[0]
}

// NeedsSelfHeal reports whether files of the volume may need healing, so that a self-heal daemon must run.
func (v *Volume) NeedsSelfHeal() bool {
	t := v.Shape().Type
	return t == api.SubvolReplicate || t == api.SubvolDisperse
}

// ServerQuorum reports whether the volume's bricks serve only while their peer is with enough of the pool.
func (v *Volume) ServerQuorum() bool { return v.Options["cluster.server-quorum-type"] == "server" }

// TypeName returns the volume's type as REST clients read it, such as Distributed-Replicate.
func (v *Volume) TypeName() string {
	many := len(v.Subvols) > 1
	switch v.Shape().Type {
	case api.SubvolReplicate:
		if many {
			return api.DistributedReplicate
		}
		return api.Replicate
	case api.SubvolDisperse:
		if many {
			return api.DistributedDisperse
		}
		return api.Disperse
	}
	return api.Distribute
}

// SubvolName returns the name of the translator of subvolume i: VOL-replicate-0, VOL-disperse-0, VOL-distribute-0.
func (v *Volume) SubvolName(i int) string {
	return fmt.Sprintf("%s-%s-%d", v.Name, v.Subvols[i].Type, i)
}

// Dashes returns a brick path as volfile keys and file names carry it: without the leading slash, the others as dashes.
func Dashes(path string) string {
	return strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "-")
}

// Info returns the volume as REST clients see it. hosts gives the address of a peer by its id.
func (v *Volume) Info(hosts func(peerID string) string) api.VolumeInfo {
	shape := v.Shape()
	info := api.VolumeInfo{
		ID: v.ID, Name: v.Name, Type: v.TypeName(), Transport: v.Transport, State: string(v.State),
		DistributeCount: len(v.Subvols), ReplicaCount: max(shape.Replica, 1), ArbiterCount: shape.Arbiter,
		DisperseCount: shape.Disperse, DisperseRedundancyCount: shape.Redundancy,
		DisperseDataCount: shape.Disperse - shape.Redundancy,
		Options:           orEmpty(v.Options), Metadata: orEmpty(v.Metadata), SnapList: []string{}, Capacity: v.Capacity,
	}
	for i := range v.Subvols {
		info.Subvols = append(info.Subvols, v.subvolInfo(i, hosts))
	}
	return info
}

func (v *Volume) subvolInfo(i int, hosts func(string) string) api.SubvolInfo {
	s := v.Subvols[i]
	out := api.SubvolInfo{
		Name: v.SubvolName(i), Type: titles[s.Type], ReplicaCount: max(s.Replica, 1), ArbiterCount: s.Arbiter,
		DisperseCount: s.Disperse, DisperseRedundancyCount: s.Redundancy, DisperseDataCount: s.Disperse - s.Redundancy,
	}
	for _, b := range s.Bricks {
		out.Bricks = append(out.Bricks, v.BrickInfo(b, hosts))
	}
	return out
}

// BrickInfo returns one brick of the volume as REST clients see it.
func (v *Volume) BrickInfo(b Brick, hosts func(string) string) api.BrickInfo {
	t := api.BrickTypeBrick
	if b.Arbiter {
		t = api.BrickTypeArbiter
	}
	return api.BrickInfo{
		ID: b.ID, Path: b.Path, VolumeID: v.ID, VolumeName: v.Name, PeerID: b.PeerID, Hostname: hosts(b.PeerID), Type: t, Device: b.Device, Size: b.Size,
	}
}

var titles = map[string]string{
	api.SubvolDistribute: api.Distribute, api.SubvolReplicate: api.Replicate, api.SubvolDisperse: api.Disperse,
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
