package volumes

import (
	"strconv"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
)

// The options of the pool that let bricks share processes.
const (
	optionMultiplex = "cluster.brick-multiplex"
	optionMaxBricks = "cluster.max-bricks-per-process"
)

// defaultMaxBricks is how many bricks a process holds at most unless the pool says otherwise, as in glusterd.
const defaultMaxBricks = 250

// Multiplex reads from the options of the pool how bricks share processes.
func Multiplex(pool map[string]string) brick.Multiplex {
	on, _ := xlator.ParseBool(pool[optionMultiplex])
	limit, err := strconv.Atoi(pool[optionMaxBricks])
	if err != nil {
		limit = defaultMaxBricks
	}
	return brick.Multiplex{On: on, Max: limit}
}

// checkShared refuses options of a started volume that would change how its bricks' processes as a whole behave while
// bricks share processes: other volumes' bricks, which may be inside, would be changed with them.
func (c *Commands) checkShared(before, after *volume.Volume, p volgen.Params) error {
	pool, err := ReadPoolOptions(c.Store)
	if err != nil || !Multiplex(pool).On {
		return err
	}
	if brick.Fit(volgen.Brick(before, 0, p)) == brick.Fit(volgen.Brick(after, 0, p)) {
		return nil
	}
	return api.Errorf(api.State, "volume %s is started and its bricks may share processes with those of other volumes, "+
		"which one of these options would change too: stop the volume first, and start it again afterwards", before.Name).
		With(api.FieldField, "options")
}
