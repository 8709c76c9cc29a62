package heketi

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// glusterdVolume is what glusterd's file vols/NAME/info tells of a volume.
type glusterdVolume struct {
	values  map[string]string
	options map[string]string
	// bricks are HOST:PATH with the slashes of the path as dashes, in the order of the volume.
	bricks []string
}

// maxLine is the longest line that such a file has.
const maxLine = 1 << 16

// parseInfo reads such a file: a KEY=VALUE in each line. Options are the keys with a dot. The error is Invalid.
func parseInfo(name, text string) (*glusterdVolume, error) {
	g := &glusterdVolume{values: map[string]string{}, options: map[string]string{}}
	for line := range strings.Lines(text) {
		key, value, found := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case key == "" && !found:
		case !found || key == "" || len(line) > maxLine:
			return nil, infoErrorf(name, "%.60q is no KEY=VALUE", line)
		case strings.HasPrefix(key, "brick-"):
			if key != "brick-"+strconv.Itoa(len(g.bricks)) {
				return nil, infoErrorf(name, "%.60s comes where brick-%d should", key, len(g.bricks))
			}
			g.bricks = append(g.bricks, value)
		case strings.Contains(key, "."):
			g.options[key] = value
		default:
			g.values[key] = value
		}
	}
	return g, g.check(name)
}

// infoErrorf refuses glusterd's file about a volume.
func infoErrorf(name, format string, args ...any) error {
	return api.FieldErrorf("volumes", "volume %s: glusterd's info: %s", name, fmt.Sprintf(format, args...))
}

// check demands the keys that are needed, and refuses what Heketi has none of.
func (g *glusterdVolume) check(name string) error {
	if id, err := uuid.Parse(g.values["volume-id"]); err != nil || id.String() != g.values["volume-id"] {
		return infoErrorf(name, "volume-id=%.60q is no UUID", g.values["volume-id"])
	}
	if len(g.bricks) == 0 {
		return infoErrorf(name, "it has no bricks")
	}
	for key, most := range map[string]int{"transport-type": 0, "stripe_count": 1, "thin_arbiter_count": 0} {
		if n, err := g.number(name, key, most); err != nil || n > most {
			return cmp.Or(err, infoErrorf(name, "%s=%d is what no volume of Heketi's has", key, n))
		}
	}
	return nil
}

// number is the value of a key that is a number, or preset if it is missing.
func (g *glusterdVolume) number(name, key string, preset int) (int, error) {
	text, there := g.values[key]
	if !there {
		return preset, nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, infoErrorf(name, "%s=%.40q is no number", key, text)
	}
	return int(n), nil
}

// shape is the form of each set of bricks, and how many bricks it has.
func (g *glusterdVolume) shape(name string) (shape volume.Subvol, width int, err error) {
	numbers := map[string]int{ // as glusterd has them if they are missing
		"replica_count": 1, "arbiter_count": 0, "disperse_count": 0, "redundancy_count": 0,
	}
	for key, preset := range numbers {
		if numbers[key], err = g.number(name, key, preset); err != nil {
			return shape, 0, err
		}
	}
	replica, arbiter, disperse, redundancy := numbers["replica_count"], numbers["arbiter_count"], numbers["disperse_count"], numbers["redundancy_count"]
	switch {
	case disperse == 0 && replica <= 1 && arbiter == 0:
		return volume.Subvol{Type: api.SubvolDistribute, Replica: 1}, 1, nil
	case disperse == 0 && replica > 1 && (arbiter == 0 || arbiter == 1 && replica == 3):
		return volume.Subvol{Type: api.SubvolReplicate, Replica: replica, Arbiter: arbiter}, replica, nil
	case disperse > 0 && replica <= 1 && arbiter == 0 && redundancy > 0 && 2*redundancy < disperse:
		return volume.Subvol{Type: api.SubvolDisperse, Disperse: disperse, Redundancy: redundancy}, disperse, nil
	}
	return shape, 0, infoErrorf(name, "replica_count=%d arbiter_count=%d disperse_count=%d redundancy_count=%d are no form of a volume", replica, arbiter, disperse, redundancy)
}

// statusStarted and statusStopped are glusterd's numbers for the state of a volume; 0 is one that was never started.
const (
	statusStarted = 1
	statusStopped = 2
)

// volume is the volume with its bricks, which lie in their order.
func (g *glusterdVolume) volume(name string, bricks []volume.Brick) (*volume.Volume, error) {
	shape, width, err := g.shape(name)
	if err != nil {
		return nil, err
	}
	status, err := g.number(name, "status", 0)
	if err != nil {
		return nil, err
	}
	if len(bricks)%width != 0 {
		return nil, infoErrorf(name, "%d bricks are no whole number of sets of %d", len(bricks), width)
	}
	v := &volume.Volume{
		ID: g.values["volume-id"], Name: name, Transport: api.TransportTCP, State: volume.Created, Options: g.options,
		Auth: volume.Auth{Username: g.values["username"], Password: g.values["password"]}, CreatedAt: time.Now().UTC(),
	}
	switch status {
	case statusStarted:
		v.State = volume.Started
	case statusStopped:
		v.State = volume.Stopped
	}
	for i := 0; i < len(bricks); i += width {
		set := shape
		for j := range width {
			b := bricks[i+j]
			b.Client, b.Arbiter = i+j, shape.Arbiter > 0 && j == width-1
			set.Bricks = append(set.Bricks, b)
		}
		v.Subvols = append(v.Subvols, set)
	}
	return v, nil
}
