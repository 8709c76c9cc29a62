package volumes

import (
	"context"
	"maps"
	"slices"
	"strings"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// maxOptions bounds the options of one request.
const maxOptions = 500

// groupKey sets an option group by the stock command's grammar: "group NAME".
const groupKey = "group"

// complete turns the options of a request into full names with checked values. Groups are taken apart. An empty value
// takes the option back.
func (c *Commands) complete(v *volume.Volume, asked map[string]string) (map[string]string, error) {
	if len(asked) > maxOptions {
		return nil, api.FieldErrorf("options", "%d options at once: at most %d", len(asked), maxOptions)
	}
	out := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		value := asked[key]
		if members, isGroup, err := c.groupOptions(key, value); err != nil {
			return nil, err
		} else if isGroup {
			maps.Copy(out, members)
			continue
		}
		full, err := c.Table.Complete(key)
		if err != nil {
			return nil, err
		}
		if c.Table.Global(full) {
			return nil, api.FieldErrorf("options", "option %s is for the whole pool: use 'volume set all %s %s'", full, full, value)
		}
		if err := c.Table.Validate(full, value); err != nil {
			return nil, err
		}
		out[full] = value
	}
	merged := cloneMap(v.Options)
	maps.Copy(merged, out)
	if err := c.Table.ValidateFor(shapeOf(v), merged); err != nil {
		return nil, err
	}
	return out, nil
}

// shapeOf is what the checks of options need to know of a volume.
func shapeOf(v *volume.Volume) xlator.Shape {
	s := v.Shape()
	return xlator.Shape{Type: s.Type, Replica: s.Replica, Disperse: s.Disperse, Redundancy: s.Redundancy, Arbiter: s.Arbiter, Subvols: len(v.Subvols)}
}

// SetOptions sets options of a volume, or of all volumes if name is "all".
func (c *Commands) SetOptions(ctx context.Context, name string, req api.VolumeOptionReq) (api.VolumeInfo, error) {
	if len(req.Options) == 0 {
		return api.VolumeInfo{}, api.FieldErrorf("options", "name at least one option")
	}
	return c.change(ctx, name, func(v *volume.Volume) error {
		chosen, err := c.complete(v, req.Options)
		if err != nil {
			return err
		}
		for k, val := range chosen {
			if val == "" {
				delete(v.Options, k)
			} else {
				v.Options[k] = val
			}
		}
		return nil
	})
}

// ResetOptions puts options back to their defaults. Protected ones need force: named, they are refused; with All they
// stay.
func (c *Commands) ResetOptions(ctx context.Context, name string, req api.VolumeOptionResetReq) (api.VolumeInfo, error) {
	if !req.All && len(req.Options) == 0 {
		return api.VolumeInfo{}, api.FieldErrorf("options", "name the options to reset, or ask for all")
	}
	return c.change(ctx, name, func(v *volume.Volume) error {
		if req.All {
			base := defaults(v)
			for k := range v.Options {
				if _, keep := base[k]; keep && v.Options[k] == base[k] || c.Table.Protected(k) && !req.Force {
					continue
				}
				delete(v.Options, k)
			}
			return nil
		}
		for _, key := range req.Options {
			full, err := c.Table.Complete(key)
			if err != nil {
				return err
			}
			if c.Table.Protected(full) && !req.Force {
				return api.FieldErrorf("options", "option %s is protected: reset it with force", full)
			}
			delete(v.Options, full)
		}
		return nil
	})
}

// Options lists every option of a volume with its value.
func (c *Commands) Options(ctx context.Context, name string) ([]api.VolumeOption, error) {
	rec, err := c.find(ctx, name)
	if err != nil {
		return nil, err
	}
	keys := c.Table.Keys()
	for k := range rec.Value.Options {
		if xlator.IsUser(k) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	out := make([]api.VolumeOption, 0, len(keys))
	for _, k := range keys {
		if !c.Table.Global(k) {
			out = append(out, c.option(rec.Value, k))
		}
	}
	return out, nil
}

// Option tells one option of a volume.
func (c *Commands) Option(ctx context.Context, name, option string) (api.VolumeOption, error) {
	rec, err := c.find(ctx, name)
	if err != nil {
		return api.VolumeOption{}, err
	}
	full, err := c.Table.Complete(option)
	if err != nil {
		return api.VolumeOption{}, err
	}
	return c.option(rec.Value, full), nil
}

func (c *Commands) option(v *volume.Volume, key string) api.VolumeOption {
	o := api.VolumeOption{Name: key, DefaultValue: c.Table.Default(key), OptionLevel: c.Table.Level(key)}
	o.Value, o.Modified = v.Options[key]
	if !o.Modified {
		o.Value = o.DefaultValue
	}
	return o
}

// poolID is the id of the one record of options of the pool.
const poolID = "cluster"

// PoolOptions is the kind of the options of the whole pool.
var PoolOptions = store.NewKind[map[string]string](store.PrefixOptions, 1)

type poolParams struct {
	Options  map[string]string `json:"options"`
	Revision int64             `json:"revision"`
}

func poolOperation() transaction.Operation[poolParams, none] {
	return transaction.Operation[poolParams, none]{
		Name: "cluster.options", Version: 1,
		Commit: func(p poolParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			w := PoolOptions.Create(poolID, p.Options)
			if p.Revision > 0 {
				w = PoolOptions.Update(poolID, p.Options, p.Revision)
			}
			return []store.Write{w}, nil, none{}, nil
		},
	}
}

// Cluster is the options of the whole pool.
type Cluster struct{ *Commands }

// Options lists the options of the pool.
func (c Cluster) Options(ctx context.Context) ([]api.ClusterOption, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return nil, err
	}
	set, err := ReadPoolOptions(c.Store)
	if err != nil {
		return nil, err
	}
	out := []api.ClusterOption{}
	for _, k := range c.Table.Keys() {
		if !c.Table.Global(k) {
			continue
		}
		o := api.ClusterOption{Key: k, DefaultValue: c.Table.Default(k), Value: c.Table.Default(k)}
		if v, ok := set[k]; ok {
			o.Value, o.Modified = v, true
		}
		out = append(out, o)
	}
	return out, nil
}

// ReadPoolOptions reads the options that are set for the pool.
func ReadPoolOptions(r store.Reader) (map[string]string, error) {
	rec, _, err := PoolOptions.Get(r, poolID)
	return rec.Value, err
}

// SetOptions sets options of the pool; an empty value takes one back.
func (c Cluster) SetOptions(ctx context.Context, req api.ClusterOptionReq) ([]api.ClusterOption, error) {
	if len(req.Options) == 0 {
		return nil, api.FieldErrorf("options", "name at least one option")
	}
	if err := c.Store.Sync(ctx); err != nil {
		return nil, err
	}
	rec, _, err := PoolOptions.Get(c.Store, poolID)
	if err != nil {
		return nil, err
	}
	options := cloneMap(rec.Value)
	for key, value := range req.Options {
		full, err := c.Table.Complete(key)
		if err != nil {
			return nil, err
		}
		if !c.Table.Global(full) {
			return nil, api.FieldErrorf("options", "option %s is not one for all volumes: set it on a volume", full)
		}
		if value == "" {
			delete(options, full)
			continue
		}
		if err := c.Table.Validate(full, value); err != nil {
			return nil, err
		}
		options[full] = value
	}
	_, err = c.Ops.pool.Run(ctx, c.Engine, transaction.Plan[poolParams]{
		Params: poolParams{Options: options, Revision: rec.Revision}, Locks: []string{"options/" + poolID},
	})
	if err != nil {
		return nil, err
	}
	return c.Options(ctx)
}

// on reads a group's switch as glusterd2's clients write it.
func on(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "on", "true", "enable", "yes", "1":
		return true, nil
	case "off", "false", "disable", "no", "0":
		return false, nil
	}
	return false, api.FieldErrorf("options", "value %.40q of an option group: use on or off", value)
}
