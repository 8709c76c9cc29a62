package volumes

import (
	"context"
	"maps"
	"slices"
	"strings"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// maxOptions bounds the options of one request.
const maxOptions = 500

// complete turns the options of a request into full names with checked values. Groups are taken apart. An empty value
// takes an option back.
func (c *Commands) complete(v *volume.Volume, asked map[string]string) (map[string]string, error) {
	if len(asked) > maxOptions {
		return nil, api.FieldErrorf("options", "%d options at once: at most %d", len(asked), maxOptions)
	}
	single, grouped, out := map[string]string{}, map[string]string{}, map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		members, isGroup, err := c.groupOptions(key, asked[key])
		if err != nil {
			return nil, err
		}
		if !isGroup {
			single[key] = asked[key]
			continue
		}
		for k, val := range members {
			grouped[k] = val
			if val == "" {
				delete(grouped, k)
				out[k] = ""
			}
		}
	}
	// What is asked for by its own name comes after the groups.
	for _, names := range []map[string]string{grouped, single} {
		chosen, err := c.resolve(names, shapeOf(v))
		if err != nil {
			return nil, err
		}
		maps.Copy(out, chosen)
	}
	trial := *v
	trial.Options = cloneMap(v.Options)
	applyOptions(&trial, out)
	return out, c.Table.Consistent(trial.Options)
}

// resolve gives options their full names and checks the values that are not empty.
func (c *Commands) resolve(names map[string]string, s xlator.Shape) (map[string]string, error) {
	out, valued := map[string]string{}, map[string]string{}
	for name, value := range names {
		if value != "" {
			valued[name] = value
			continue
		}
		key, err := c.Table.Complete(name)
		if err != nil {
			return nil, err
		}
		out[key] = ""
	}
	chosen, err := c.Table.Resolve(valued, s)
	maps.Copy(out, chosen)
	return out, err
}

// shapeOf is what the checks of options need to know of a volume.
func shapeOf(v *volume.Volume) xlator.Shape {
	s := v.Shape()
	out := xlator.Shape{Type: s.Type, Volume: v.Name, Subvols: len(v.Subvols), Replica: s.Replica, Disperse: s.Disperse, Redundancy: s.Redundancy}
	for b := range v.All() {
		out.Clients = append(out.Clients, v.ClientName(b))
	}
	return out
}

// applyOptions sets chosen options; an empty value takes one back.
func applyOptions(v *volume.Volume, chosen map[string]string) {
	for k, val := range chosen {
		v.Options[k] = val
		if val == "" {
			delete(v.Options, k)
		}
	}
}

// SetOptions sets options of a volume.
func (c *Commands) SetOptions(ctx context.Context, name string, req api.VolumeOptionReq) (api.VolumeInfo, error) {
	if len(req.Options) == 0 {
		return api.VolumeInfo{}, api.FieldErrorf("options", "name at least one option")
	}
	return c.changeOptions(ctx, name, slices.Collect(maps.Keys(req.Options)), func(v *volume.Volume) error {
		chosen, err := c.complete(v, req.Options)
		if err != nil {
			return err
		}
		was := *v
		was.Options = cloneMap(v.Options)
		applyOptions(v, chosen)
		if err := notGranular(&was, v); err != nil {
			return err
		}
		return c.live(&was, v)
	})
}

// changeOptions is change for options of these names.
func (c *Commands) changeOptions(ctx context.Context, name string, names []string, modify func(v *volume.Volume) error) (api.VolumeInfo, error) {
	if !c.quorumOnly(names) {
		return c.change(ctx, name, modify)
	}
	rec, err := c.find(ctx, name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	return c.changeFound(ctx, rec, modify)
}

// optionAIO has bricks read and write by the kernel's asynchronous calls. They cannot change over with requests under way.
const optionAIO = "storage.linux-aio"

func isOn(v *volume.Volume, option string) bool {
	on, _ := xlator.ParseBool(v.Options[option])
	return on
}

// live refuses a change that running bricks cannot take: they change the options of their translators, but not which
// translators there are. (Told to, a brick tries, fails for its port is in use, and from then on takes no change at all.)
// It also refuses options that are newer than the pool, and those that would change other volumes' bricks.
func (c *Commands) live(was, is *volume.Volume) error {
	if need := volgen.OpVersion(is, c.Table); need > xlator.MaxOpVersion {
		return api.FieldErrorf("options", "the options need op-version %d, and the pool works at %d", need, xlator.MaxOpVersion)
	}
	if was.State != volume.Started {
		return nil
	}
	if isOn(was, optionAIO) != isOn(is, optionAIO) {
		return api.Errorf(api.State, "option %s of volume %s is changed only while the volume is stopped", optionAIO, is.Name).With(api.FieldField, "options")
	}
	o := volgen.Params{Table: c.Table, Host: peer.Hosts(c.Store)}
	if added, gone := volgen.BrickLayers(was, is, o); len(added)+len(gone) > 0 {
		return api.Errorf(api.State, "this changes how the bricks of volume %s are built (%s), which cannot be done while they run: "+
			"stop the volume, set the option, and start it again", is.Name, strings.Join(append(added, gone...), ", ")).With(api.FieldField, "options")
	}
	return c.checkShared(was, is, o)
}

// ResetOptions puts options back to their defaults. Protected ones need force: named, they are refused; with All they
// stay. Those that every new volume has set are set again rather than left out, as glusterd does for most of them.
func (c *Commands) ResetOptions(ctx context.Context, name string, req api.VolumeOptionResetReq) (api.VolumeInfo, error) {
	if !req.All && len(req.Options) == 0 {
		return api.VolumeInfo{}, api.FieldErrorf("options", "name the options to reset, or ask for all")
	}
	return c.changeOptions(ctx, name, req.Options, func(v *volume.Volume) error {
		was := *v
		was.Options = cloneMap(v.Options)
		gone, err := c.Table.Reset(v.Options, req.Options, req.All, req.Force)
		if err != nil {
			return err
		}
		base := xlator.CreateOptions(v.Shape().Type)
		for _, k := range gone {
			delete(v.Options, k)
		}
		for k, val := range base {
			if _, set := v.Options[k]; !set && (req.All || slices.Contains(gone, k)) {
				v.Options[k] = val
			}
		}
		if notGranular(&was, v) != nil {
			delete(v.Options, optionGranular)
		}
		if err := c.Table.Consistent(v.Options); err != nil {
			return err
		}
		return c.live(&was, v)
	})
}

// OptionHelp explains options: all of them, or the one of that name, which may be shortened. If the installed GlusterFS
// cannot be read its texts are missing.
func (c *Commands) OptionHelp(ctx context.Context, name string) ([]api.OptionHelp, error) {
	var keys []string
	if name != "" {
		key, err := c.Table.Complete(name)
		if err != nil {
			return nil, err
		}
		if xlator.IsUser(key) {
			return nil, api.FieldErrorf("name", "option %s means what those who set it want: names that begin with user. are free", key)
		}
		keys = append(keys, key)
	}
	return c.Table.Explain(c.help(ctx), keys...), nil
}

// help reads the texts when somebody asks: that takes a tenth of a second, and they need half a megabyte.
func (c *Commands) help(ctx context.Context) *xlator.Help {
	if c.Xlators == nil {
		return nil
	}
	dir, err := c.Xlators(ctx)
	var h *xlator.Help
	if err == nil {
		h, err = xlator.ReadHelp(dir)
	}
	if err != nil {
		c.Log.WithError(err).Warn("options are explained without the texts of GlusterFS")
		return nil
	}
	return h
}

// Options lists every option of a volume with its value, those that hold for all volumes too.
func (c *Commands) Options(ctx context.Context, name string) ([]api.VolumeOption, error) {
	v, set, err := c.optionsOf(ctx, name)
	if err != nil {
		return nil, err
	}
	return c.Table.Options(set, shapeOf(v)), nil
}

// optionsOf reads a volume, and what is set for it and for the pool.
func (c *Commands) optionsOf(ctx context.Context, name string) (*volume.Volume, map[string]string, error) {
	rec, err := c.find(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	pool, err := ReadPoolOptions(c.Store)
	set := cloneMap(rec.Value.Options)
	maps.Copy(set, pool)
	return rec.Value, set, err
}

// Option tells one option of a volume.
func (c *Commands) Option(ctx context.Context, name, option string) (api.VolumeOption, error) {
	v, set, err := c.optionsOf(ctx, name)
	if err != nil {
		return api.VolumeOption{}, err
	}
	full, err := c.Table.Complete(option)
	if err != nil {
		return api.VolumeOption{}, err
	}
	return c.Table.Option(full, set, shapeOf(v)), nil
}

// poolID is the id of the one record of options of the pool.
const poolID = "cluster"

// PoolLock is the lock of the options of the whole pool.
const PoolLock = "options/" + poolID

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
	rec, err := c.poolRecord(ctx)
	if err != nil {
		return nil, err
	}
	set, out := rec.Value, []api.ClusterOption{}
	for _, k := range c.Table.PoolKeys() {
		def := c.Table.Default(k, xlator.Shape{})
		o := api.ClusterOption{Key: k, DefaultValue: def, Value: def}
		if v, ok := set[k]; ok {
			o.Value, o.Modified = v, true
		}
		out = append(out, o)
	}
	return out, nil
}

// poolRecord reads the record of the pool's options, which a request is about.
func (c Cluster) poolRecord(ctx context.Context) (store.Record[map[string]string], error) {
	rec, _, err := PoolOptions.Get(c.Store, poolID)
	if err == nil {
		err = PoolOptions.Subject(ctx, poolID, rec.Revision)
	}
	return rec, err
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
	rec, err := c.poolRecord(ctx)
	if err != nil {
		return nil, err
	}
	options, err := c.resolvePool(rec.Value, req.Options)
	if err != nil {
		return nil, err
	}
	if _, err = c.Ops.pool.Run(ctx, c.Engine, poolPlan(rec, options)); err != nil {
		return nil, err
	}
	return c.Options(ctx)
}

func poolPlan(rec store.Record[map[string]string], options map[string]string) transaction.Plan[poolParams] {
	return transaction.Plan[poolParams]{
		Params: poolParams{Options: options, Revision: rec.Revision}, Locks: []string{PoolLock},
	}
}

func (c Cluster) resolvePool(set, asked map[string]string) (map[string]string, error) {
	options := cloneMap(set)
	chosen := map[string]string{}
	for key, value := range asked {
		if value != "" {
			chosen[key] = value
			continue
		}
		full, err := c.Table.Complete(key)
		if err != nil {
			return nil, err
		}
		delete(options, full)
	}
	chosen, err := c.Table.ResolvePool(chosen)
	for k, v := range chosen {
		options[k] = v
	}
	return options, err
}
