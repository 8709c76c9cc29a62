package heketi

import (
	"bufio"
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

// parseInfo reads such a file: a KEY=VALUE in each line. Options are the keys with a dot.
func parseInfo(name, text string) (*glusterdVolume, error) {
	g := &glusterdVolume{values: map[string]string{}, options: map[string]string{}}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		key, value, found := strings.Cut(strings.TrimSpace(lines.Text()), "=")
		switch {
		case key == "":
		case !found:
			return nil, api.FieldErrorf("volumes", "volume %s: %.60q in glusterd's info is no KEY=VALUE", name, key)
		case strings.HasPrefix(key, "brick-"):
			g.bricks = append(g.bricks, value)
		case strings.Contains(key, "."):
			g.options[key] = value
		default:
			g.values[key] = value
		}
	}
	if uuid.Validate(g.values["volume-id"]) != nil || len(g.bricks) == 0 {
		return nil, api.FieldErrorf("volumes", "volume %s: glusterd's info has no volume-id, or no bricks", name)
	}
	return g, nil
}

func (g *glusterdVolume) number(key string) int {
	n, err := strconv.Atoi(g.values[key])
	if err != nil {
		return 0
	}
	return n
}

// statusStarted and statusStopped are glusterd's numbers for the state of a volume; 0 is one that was never started.
const (
	statusStarted = 1
	statusStopped = 2
)

// volume is the volume with its bricks, which lie in their order.
func (g *glusterdVolume) volume(name string, bricks []volume.Brick) (*volume.Volume, error) {
	shape := volume.Subvol{Type: api.SubvolDistribute, Replica: 1}
	width := 1
	switch {
	case g.number("disperse_count") > 0:
		width = g.number("disperse_count")
		shape = volume.Subvol{Type: api.SubvolDisperse, Disperse: width, Redundancy: g.number("redundancy_count")}
	case g.number("replica_count") > 1:
		width = g.number("replica_count")
		shape = volume.Subvol{Type: api.SubvolReplicate, Replica: width, Arbiter: g.number("arbiter_count")}
	}
	if len(bricks)%width != 0 {
		return nil, api.FieldErrorf("volumes", "volume %s: %d bricks are no whole number of sets of %d", name, len(bricks), width)
	}
	v := &volume.Volume{
		ID: g.values["volume-id"], Name: name, Transport: api.TransportTCP, State: volume.Created, Options: g.options,
		Auth: volume.Auth{Username: g.values["username"], Password: g.values["password"]}, CreatedAt: time.Now().UTC(),
	}
	switch g.number("status") {
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
