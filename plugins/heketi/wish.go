package heketi

import (
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gd2/glusterd2/commands/volumes"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
)

// Keys of the metadata of a volume. Users cannot set such keys by themselves only, so nobody depends on their truth but clients.
const (
	// metaID is the id of a volume in the Heketi that it was taken over from.
	metaID = "heketi.id"
	// metaFactor is the factor by which room for snapshots was asked for.
	metaFactor = "heketi.snapshot-factor"
)

// namePrefix begins the name of a volume that was given none; the id follows, by which provisioners find it again.
const namePrefix = "vol_"

// Options that tell Heketi how to place a volume, and the one that keeps its id.
const (
	optArbiter     = "user.heketi.arbiter"
	optAverageFile = "user.heketi.average-file-size"
	optZones       = "user.heketi.zone-checking"
	optTagMatch    = "user.heketi.device-tag-match"
	optID          = "user.heketi.id"
)

// Limits and defaults of volumes, Heketi's.
const (
	maxBrick         = 4 << 40
	defaultReplica   = 2
	maxReplica       = 3
	defaultData      = 4
	defaultRedundant = 2
	maxFactor        = 100
	maxGID           = math.MaxInt32 - 1
)

// newWish checks a request and puts it in gd2's words.
func newWish(req heketi.VolumeCreateRequest) (wish, error) {
	id := newID()
	full, _ := asUUID(id) // it is one
	w := wish{Wish: volumes.Wish{ID: full, GID: int(req.Gid)}, req: api.VolumeCreateReq{Name: req.Name, Options: map[string]string{}, Metadata: map[string]string{}}}
	if w.req.Name == "" {
		w.req.Name = namePrefix + id
	}
	size, err := bytesOf(req.Size, req.SizeMB, "size")
	if err != nil {
		return w, err
	}
	w.req.Size, w.req.MaxBrickSize, w.req.SubvolZonesOverlap = size, maxBrick, true
	switch {
	case req.Block:
		return w, api.Errorf(api.NotSupported, "block volumes, and volumes that host them, are not supported yet")
	case !volumeName.MatchString(w.req.Name):
		return w, invalid("name", "%.80q: use letters, digits, - and _", req.Name)
	case req.Gid < 0 || req.Gid > maxGID:
		return w, invalid("gid", "%d is not from 0 to %d", req.Gid, maxGID)
	}
	if err := w.durability(req.Durability); err != nil {
		return w, err
	}
	if err := w.snapshot(req.Snapshot); err != nil {
		return w, err
	}
	if err := w.options(req.GlusterVolumeOptions); err != nil {
		return w, err
	}
	w.req.Options[optID] = id
	return w, nil
}

var volumeName = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

// bytesOf is a size of GiB, or of MiB if that is given instead.
func bytesOf(gib, mib int, field string) (uint64, error) {
	switch {
	case gib > 0 && mib > 0:
		return 0, invalid(field+"_mb", "give %s in GiB or %s_mb in MiB, not both", field, field)
	case mib > 0 && mib <= math.MaxInt64>>20:
		return uint64(mib) << 20, nil
	case gib < 1 || gib > math.MaxInt64>>30:
		return 0, invalid(field, "%d is no number of GiB", gib)
	}
	return uint64(gib) << 30, nil
}

func (w *wish) durability(d heketi.Durability) error {
	switch d.Type {
	case "", heketi.DurabilityNone:
		w.req.ReplicaCount = 1
	case heketi.DurabilityReplica:
		w.req.ReplicaCount = orDefault(d.Replicate.Replica, defaultReplica)
		if w.req.ReplicaCount < 1 || w.req.ReplicaCount > maxReplica {
			return faultf(http.StatusBadRequest, "Invalid replica value")
		}
	case heketi.DurabilityDisperse:
		w.req.DisperseData = orDefault(d.Disperse.Data, defaultData)
		w.req.DisperseRedundancy = orDefault(d.Disperse.Redundancy, defaultRedundant)
		combination := strconv.Itoa(w.req.DisperseData) + "+" + strconv.Itoa(w.req.DisperseRedundancy)
		if !slices.Contains([]string{"2+1", "4+2", "8+3", "8+4"}, combination) {
			return faultf(http.StatusBadRequest, "Invalid dispersion combination: %s", combination)
		}
	default:
		return invalid("durability.type", "%.40q is not one of none, replicate and disperse", d.Type)
	}
	return nil
}

func orDefault(n, preset int) int {
	if n == 0 {
		return preset
	}
	return n
}

func (w *wish) snapshot(sn heketi.Snapshot) error {
	if !sn.Enable {
		return nil
	}
	if !(sn.Factor >= 1 && sn.Factor <= maxFactor) {
		return faultf(http.StatusBadRequest, "Invalid snapshot factor")
	}
	w.req.SnapshotEnabled, w.req.SnapshotReserveFactor = true, float64(sn.Factor)
	w.req.Metadata[metaFactor] = strconv.FormatFloat(float64(sn.Factor), 'g', -1, 32)
	return nil
}

// options reads "KEY VALUE", among them those that are for the placement.
func (w *wish) options(list []string) error {
	for _, text := range list {
		key, value, _ := strings.Cut(strings.TrimSpace(text), " ")
		if key == "" {
			continue
		}
		value = strings.TrimSpace(value)
		if value == "" {
			return invalid("glustervolumeoptions", "%.80q: write KEY VALUE", text)
		}
		w.req.Options[key] = value
		if err := w.placement(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (w *wish) placement(key, value string) error {
	switch key {
	case optArbiter:
		if on, err := strconv.ParseBool(value); err != nil {
			return invalid(optArbiter, "%.40q is neither true nor false", value)
		} else if on {
			w.req.ArbiterCount = 1
		}
	case optAverageFile:
		n, err := strconv.ParseUint(value, 10, 40)
		if err != nil || n == 0 {
			return invalid(optAverageFile, "%.40q is no number of KiB", value)
		}
		w.req.AverageFileSize = n * kib
	case optZones:
		if value != "none" && value != "strict" {
			return invalid(optZones, "%.40q is neither none nor strict", value)
		}
		w.req.SubvolZonesOverlap = value != "strict"
	case optTagMatch:
		w.req.MatchTags = []string{value}
	}
	return nil
}
