// Package provision chooses devices for the bricks of a volume that was asked for by its size. It is pure: what it
// returns depends on its arguments alone, and it changes nothing.
package provision

import (
	"strings"

	"gd2/pkg/api"
)

// Device is a place for bricks, as the planner sees it. Sizes are bytes.
type Device struct {
	ID string
	// PeerID is the peer that the device is on, Host what people call it, Zone its failure domain.
	PeerID, Host, Zone string
	// Replaces are the ids of peers in whose place that peer is: what a request says of them it says of it.
	Replaces []string
	// KeptFor is the id of the device that this one is to replace: it takes nothing but the bricks of that.
	KeptFor string
	// Name is what the device is called on its peer, such as /dev/sdb.
	Name string
	// Tags are those of the device over those of its peer.
	Tags map[string]string
	// Size is what the device can hold in all, Free what is neither used nor reserved.
	Size, Free uint64
	// Bricks counts those on the device.
	Bricks int
	// Unusable says why the device gets no bricks, such as "disabled"; empty if it does.
	Unusable string
	// Sizing tells what a brick takes of the device.
	Sizing Sizing
}

// Domain is what the bricks of one subvolume never share.
type Domain string

// The failure domains. Bricks of one subvolume are on peers of their own in either case.
const (
	// Peer keeps the bricks of a subvolume on different peers; different zones are preferred.
	Peer Domain = "peer"
	// Zone keeps them in different zones.
	Zone Domain = "zone"
)

// ArbiterTag is the tag that says whether a device takes arbiter bricks, with the values of Heketi: required means that
// it takes nothing else, disabled that it takes none, and supported, the default, that it takes both.
const (
	ArbiterTag       = "arbiter"
	ArbiterRequired  = "required"
	ArbiterSupported = "supported"
	ArbiterDisabled  = "disabled"
)

// Rule admits the devices whose tag has a value, or, with Not, those whose tag has not.
type Rule struct {
	Tag, Value string
	Not        bool
}

// ParseRule reads a rule: TAG=VALUE or TAG!=VALUE, as Heketi writes them; without a VALUE it is about devices without the tag. The
// error is Invalid.
func ParseRule(text string) (Rule, error) {
	tag, value, ok := strings.Cut(text, "=")
	not := strings.HasSuffix(tag, "!")
	tag = strings.TrimSuffix(tag, "!")
	if !ok || tag == "" {
		return Rule{}, api.FieldErrorf("match-tags", "rule %.80q: write TAG=VALUE or TAG!=VALUE", text)
	}
	return Rule{Tag: tag, Value: value, Not: not}, nil
}

// Request is what a volume needs.
type Request struct {
	// Size is what the volume shall hold, in bytes.
	Size uint64
	// Replica counts the bricks of a subvolume that is not dispersed, the arbiter among them; 1 means no copies.
	Replica int
	// Arbiter is 1 if the last brick of each subvolume keeps names only.
	Arbiter int
	// Data and Redundancy are the bricks of a dispersed subvolume; both 0 otherwise.
	Data, Redundancy int
	// Distribute is the number of subvolumes; 0 leaves it to the planner, which takes as few as fit.
	Distribute int
	// MaxBrick and MinBrick bound the size of a data brick, MaxBricks the number of bricks; 0 means no bound.
	MaxBrick, MinBrick uint64
	MaxBricks          int
	// Reserve is the room for snapshots: a brick takes Reserve times its size. 0 means 1.
	Reserve float64
	// AverageFile is the size of a file that arbiter bricks are made for; 0 means DefaultAverageFile.
	AverageFile uint64
	// Domain is Peer if it is empty.
	Domain Domain
	Rules  []Rule
	// LimitPeers and LimitZones admit only what they name, if they name anything; peers by id. ExcludePeers and
	// ExcludeZones admit nothing that they name.
	LimitPeers, LimitZones, ExcludePeers, ExcludeZones []string
	// from is the device that a brick leaves, if it is about that.
	from string
	// Seed breaks ties between devices that are equally good, so that requests at the same time spread out.
	Seed uint64
}

// Brick is one brick of a plan. Sizes are bytes.
type Brick struct {
	DeviceID string
	PeerID   string
	// Size is what the brick holds; Cost is what the device gives for it, Pool the part of that for data.
	Size, Cost, Pool uint64
	Arbiter          bool
}

// Plan is where the bricks of a volume go: one list for each subvolume, the arbiter last.
type Plan struct {
	// BrickSize is the size of every data brick.
	BrickSize uint64
	Subvols   [][]Brick
}

// maxSubvols bounds what a request may ask for, so that a plan stays small.
const maxSubvols = 1000

// width is the number of bricks of a subvolume.
func (r *Request) width() int {
	if r.Data > 0 {
		return r.Data + r.Redundancy
	}
	return r.Replica
}

// share is the number of bricks over which the files of a subvolume are spread.
func (r *Request) share() uint64 { return uint64(max(r.Data, 1)) }

// Validate checks a request. The error is Invalid and names the field as REST clients spell it.
func (r *Request) Validate() error {
	switch {
	case r.Size == 0:
		return api.FieldErrorf("size", "size 0: say how many bytes the volume shall hold")
	case r.Data == 0 && r.Redundancy == 0:
		return r.validateReplica()
	case r.Replica > 1 || r.Arbiter > 0:
		return api.FieldErrorf("replica", "replica %d with disperse %d: a volume has copies or is dispersed, not both", r.Replica, r.Data+r.Redundancy)
	case r.Redundancy < 1 || r.Data <= r.Redundancy:
		return api.FieldErrorf("disperse-redundancy", "disperse-redundancy %d with %d data bricks: it must be at least 1 and less than the data bricks", r.Redundancy, r.Data)
	}
	return r.validateRest()
}

func (r *Request) validateReplica() error {
	switch {
	case r.Replica < 1:
		return api.FieldErrorf("replica", "replica %d: it must be at least 1", r.Replica)
	case r.Arbiter != 0 && (r.Arbiter != 1 || r.Replica != 3):
		return api.FieldErrorf("arbiter", "arbiter %d with replica %d: an arbiter is the third of three bricks", r.Arbiter, r.Replica)
	}
	return r.validateRest()
}

func (r *Request) validateRest() error {
	switch {
	case r.Distribute < 0 || r.Distribute > maxSubvols:
		return api.FieldErrorf("distribute", "distribute %d: it must be from 0, which leaves it to gd2, to %d", r.Distribute, maxSubvols)
	case r.Distribute > 0 && r.MaxBrick > 0 && r.brickSize(r.Distribute) > r.MaxBrick:
		return api.FieldErrorf("distribute", "distribute %d: the bricks would have %d bytes, and max-brick-size is %d: leave distribute out, or raise one of them",
			r.Distribute, r.brickSize(r.Distribute), r.MaxBrick)
	case r.Reserve != 0 && !(r.Reserve >= 1 && r.Reserve <= 100):
		return api.FieldErrorf("snapshot-reserve-factor", "snapshot-reserve-factor %v: it must be from 1 to 100", r.Reserve)
	case r.Domain != "" && r.Domain != Peer && r.Domain != Zone:
		return api.FieldErrorf("failure-domain", "failure-domain %.40q: use %s or %s", r.Domain, Peer, Zone)
	case r.MaxBrick > 0 && r.MaxBrick < r.MinBrick:
		return api.FieldErrorf("max-brick-size", "max-brick-size %d is less than the smallest brick, %d bytes", r.MaxBrick, r.MinBrick)
	}
	return nil
}
