package volumes

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// GroupRecords is the kind of the option groups that users made, by name.
var GroupRecords = store.NewKind[api.OptionGroup](store.PrefixGroups, 1)

type groupParams struct {
	Group api.OptionGroup `json:"group"`
}

func groupOperation() transaction.Operation[groupParams, none] {
	return transaction.Operation[groupParams, none]{
		Name: "group.create", Version: 1,
		Commit: func(p groupParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return []store.Write{GroupRecords.Create(p.Group.Name, p.Group)}, nil, none{}, nil
		},
	}
}

type ungroupParams struct {
	Name     string `json:"name"`
	Revision int64  `json:"revision"`
}

func ungroupOperation() transaction.Operation[ungroupParams, none] {
	return transaction.Operation[ungroupParams, none]{
		Name: "group.delete", Version: 1,
		Commit: func(p ungroupParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return []store.Write{GroupRecords.Delete(p.Name, p.Revision)}, nil, none{}, nil
		},
	}
}

// Groups lists the option groups: those that GlusterFS brings along, those of the files of this peer's groups directory,
// and those that users made. Of two of one name the later wins.
func (c *Commands) Groups(ctx context.Context) ([]api.OptionGroup, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return nil, err
	}
	out, wrong, err := c.allGroups()
	for _, err := range wrong {
		c.Log.WithError(err).Warn("an option group is left out")
	}
	return out, err
}

// allGroups returns the groups, sorted by name, and what is wrong with those files of groups that cannot be read.
func (c *Commands) allGroups() ([]api.OptionGroup, map[string]error, error) {
	builtin, err := xlator.BuiltinGroups()
	if err != nil {
		return nil, nil, err
	}
	files, wrong := xlator.FileGroups(c.GroupsDir)
	recs, err := GroupRecords.List(c.Store)
	if err != nil {
		return nil, nil, err
	}
	byName := map[string]api.OptionGroup{}
	for _, g := range slices.Concat(builtin, files) {
		byName[g.Name] = g
	}
	for _, rec := range recs {
		byName[rec.ID] = rec.Value
	}
	out := make([]api.OptionGroup, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, byName[name])
	}
	return out, wrong, nil
}

var groupName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CreateGroup makes an option group.
func (c *Commands) CreateGroup(ctx context.Context, req api.OptionGroupReq) (api.OptionGroup, error) {
	g := req.OptionGroup
	if !groupName.MatchString(g.Name) || g.Name == groupKey {
		return g, api.FieldErrorf("name", "group name %.80q: use up to 64 letters, digits, dots, - and _", g.Name)
	}
	if len(g.Options) == 0 || len(g.Options) > maxOptions {
		return g, api.FieldErrorf("options", "a group has 1 to %d options, not %d", maxOptions, len(g.Options))
	}
	if len(g.Description) > 1024 {
		return g, api.FieldErrorf("description", "the description is %d bytes long: at most 1024", len(g.Description))
	}
	groups, err := c.Groups(ctx)
	if err != nil {
		return g, err
	}
	if slices.ContainsFunc(groups, func(o api.OptionGroup) bool { return o.Name == g.Name }) {
		return g, api.Errorf(api.Exists, "option group %s already exists", g.Name)
	}
	if _, err := c.Table.Complete(g.Name); err == nil {
		return g, api.FieldErrorf("name", "group name %s is the name of an option", g.Name)
	}
	g.Options = slices.Clone(g.Options)
	for i, o := range g.Options {
		full, err := c.Table.Complete(o.Name)
		if err != nil {
			return g, err
		}
		if xlator.IsUser(full) || c.Table.PoolWide(full) {
			return g, api.FieldErrorf("options", "option %s cannot be in a group", full)
		}
		if err := c.Table.Validate(full, o.OnValue); err != nil {
			return g, err
		}
		g.Options[i].Name = full
	}
	_, err = c.Ops.group.Run(ctx, c.Engine, groupPlan(g).Answering(g))
	return g, err
}

func groupPlan(g api.OptionGroup) transaction.Plan[groupParams] {
	return transaction.Plan[groupParams]{Params: groupParams{Group: g}, Locks: []string{"group/" + g.Name}}
}

// DeleteGroup deletes an option group that a user made. Volumes keep the options that it set.
func (c *Commands) DeleteGroup(ctx context.Context, name string) error {
	groups, err := c.Groups(ctx)
	if err != nil {
		return err
	}
	rec, ok, err := GroupRecords.Get(c.Store, name)
	if err != nil {
		return err
	}
	if !ok && slices.ContainsFunc(groups, func(o api.OptionGroup) bool { return o.Name == name }) {
		return api.Errorf(api.Forbidden, "option group %s comes with GlusterFS or from a file: it cannot be deleted here", name)
	}
	if !ok {
		return api.Errorf(api.NotFound, "option group %.80q does not exist", name)
	}
	_, err = c.Ops.ungroup.Run(ctx, c.Engine, ungroupPlan(rec))
	return err
}

func ungroupPlan(rec store.Record[api.OptionGroup]) transaction.Plan[ungroupParams] {
	return transaction.Plan[ungroupParams]{
		Params: ungroupParams{Name: rec.ID, Revision: rec.Revision}, Locks: []string{"group/" + rec.ID},
	}
}

// groupKey sets an option group by the stock command's grammar: "group NAME".
const groupKey = "group"

// groupOptions takes apart "group NAME" and "NAME on|off". Off takes the group's options back.
func (c *Commands) groupOptions(key, value string) (members map[string]string, isGroup bool, err error) {
	name, set := key, true
	if key == groupKey {
		name = value
	}
	all, wrong, err := c.allGroups()
	if err != nil {
		return nil, false, err
	}
	if err := wrong[name]; err != nil && key == groupKey {
		return nil, false, api.FieldErrorf("options", "option group %s: %v", name, err)
	}
	i := slices.IndexFunc(all, func(g api.OptionGroup) bool { return g.Name == name })
	switch {
	case i < 0 && key == groupKey:
		return nil, false, noGroup(name, all)
	case i < 0:
		return nil, false, nil
	case key != groupKey:
		if set, isGroup = xlator.ParseBool(value); !isGroup {
			return nil, false, api.FieldErrorf("options", "value %.40q of the option group %s: use on or off", value, name)
		}
	}
	members = map[string]string{}
	for _, o := range all[i].Options {
		members[o.Name] = o.OnValue
		if !set {
			members[o.Name] = ""
		}
	}
	return members, true, nil
}

func noGroup(name string, all []api.OptionGroup) error {
	names := make([]string, len(all))
	for i, g := range all {
		names[i] = g.Name
	}
	return api.FieldErrorf("options", "option group %.80q does not exist: there are %s", name, strings.Join(names, ", "))
}
