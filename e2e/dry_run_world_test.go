package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// world is what can be seen of a pool from outside: directories and attributes of bricks, processes and records, each with
// its value. The keys are as in the effects of plans, "HOST KIND NAME" or "record NAME".
type world map[string]string

// look takes the world in. The REST interface of node1 shows the records that it has a view of.
func (p pool) look(ctx context.Context) (world, error) {
	w := world{"node1 xattr limit of /": ""}
	for i := range p.members {
		if err := p.lookAt(ctx, w, i+1); err != nil {
			return nil, err
		}
	}
	return w, w.records(ctx, p.rest(1))
}

func (p pool) lookAt(ctx context.Context, w world, n int) error {
	peer := p.Peer(n)
	root := peer.Path("/srv")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		if strings.HasPrefix(e.Name(), ".glusterfs-anonymous-inode") {
			return fs.SkipDir // a client of the volume makes it, when it likes
		}
		name := "/srv" + strings.TrimPrefix(path, root)
		w[peer.Name+" directory "+name] = ""
		if _, err := os.Stat(filepath.Join(path, ".gd2-device")); err == nil {
			w[peer.Name+" directory "+name] = "is a device"
		}
		if err := w.attributes(peer.Name, path, name); err != nil {
			return err
		}
		if e.Name() == ".glusterfs" {
			return fs.SkipDir // what is below is glusterfsd's own
		}
		return nil
	})
	if err != nil {
		return err
	}
	out, err := peer.Run(ctx, "ps", "-eo", "pid,args")
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(out, "\n") {
		if words := strings.Fields(line); len(words) > 1 {
			if name := processName(words[1:]); name != "" {
				w[peer.Name+" process "+name] = words[0]
			}
		}
	}
	return nil
}

// attributes notes the attributes by which a directory is a brick, and the limit of a volume's root, which node1 sets through a
// mount. glusterfsd adds others when it starts.
func (w world) attributes(host, path, name string) error {
	buf := make([]byte, 1024)
	n, err := unix.Listxattr(path, buf)
	if err != nil {
		return fmt.Errorf("attributes of %s: %w", path, err)
	}
	for attr := range strings.SplitSeq(string(buf[:n]), "\x00") {
		if strings.HasPrefix(attr, "trusted.glusterfs.quota.limit-set") {
			value := make([]byte, 64)
			n, err := unix.Getxattr(path, attr, value)
			if err != nil {
				return fmt.Errorf("%s of %s: %w", attr, path, err)
			}
			w["node1 xattr limit of /"] += fmt.Sprintf("%s%s %x\n", host, name, value[:n])
		}
	}
	for _, attr := range []string{"trusted.glusterfs.volume-id", "trusted.gd2.made"} {
		n, err := unix.Getxattr(path, attr, buf)
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s of %s: %w", attr, path, err)
		}
		w[host+" xattr "+name+" "+attr] = string(buf[:n])
	}
	return nil
}

// processName is what a plan calls a process of GlusterFS; "" for any other process.
func processName(args []string) string {
	after := func(flag string) string {
		if i := slices.Index(args, flag); i >= 0 && i+1 < len(args) {
			return args[i+1]
		}
		return ""
	}
	switch {
	case after("--process-name") == "brick":
		return "glusterfsd " + after("--brick-name")
	case after("--process-name") == "glustershd":
		return "Self-heal Daemon"
	case after("--process-name") == "quotad":
		return "Quota Daemon"
	}
	return ""
}

func (w world) records(ctx context.Context, c *client.Client) error {
	volumes, err := c.Volumes(ctx, client.Filter{})
	if err != nil {
		return err
	}
	for _, v := range volumes {
		w.record("volumes/"+v.Name, v)
		if v.Options["features.quota"] != "on" {
			continue
		}
		limits, err := c.QuotaLimits(ctx, v.Name, api.QuotaUsage, "")
		if err != nil {
			return err
		}
		for _, l := range limits {
			w.record("quota/"+v.ID+"/"+l.GFID, l.HardLimit)
		}
	}
	devices, err := c.Devices(ctx, "")
	if err != nil {
		return err
	}
	for _, d := range devices {
		w.record("devices/"+d.ID, []any{d.State, d.Tags})
	}
	peers, err := c.Peers(ctx, client.Filter{})
	if err != nil {
		return err
	}
	for _, p := range peers {
		w.record("peers/"+p.ID, []any{p.Name, p.PeerAddresses, p.Metadata})
	}
	groups, err := c.OptionGroups(ctx)
	if err != nil {
		return err
	}
	for _, g := range groups {
		w.record("groups/"+g.Name, g)
	}
	options, err := c.ClusterOptions(ctx)
	if err != nil {
		return err
	}
	options = slices.DeleteFunc(options, func(o api.ClusterOption) bool { return !o.Modified })
	if len(options) > 0 {
		w.record("options/cluster", options)
	}
	return nil
}

func (w world) record(name string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte(strconv.Quote(err.Error()))
	}
	w["record "+name] = string(text)
}

// difference lists what has become of the world, as "HOST ACTION KIND NAME" or "ACTION record NAME".
func (w world) difference(after world) []string {
	var out []string
	note := func(action, key string) {
		host, rest, _ := strings.Cut(key, " ")
		if host == "record" {
			out = append(out, action+" "+key)
			return
		}
		kind, _, _ := strings.Cut(rest, " ")
		if kind == "process" {
			action = map[string]string{"create": "start", "destroy": "stop", "change": "restart"}[action]
		}
		out = append(out, host+" "+action+" "+rest)
	}
	for _, k := range slices.Sorted(maps.Keys(after)) {
		old, had := w[k]
		switch {
		case !had:
			note("create", k)
		case old != after[k]:
			note("change", k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(w)) {
		if _, has := after[k]; !has {
			note("destroy", k)
		}
	}
	slices.Sort(out)
	return out
}

// seen reports whether a world shows an effect. It does not show processes that go by themselves, one more volume in a daemon, and
// the marks of what is to be healed, which come and go.
func seen(e api.Effect) bool {
	switch e.Kind {
	case api.OnDirectory:
		return true
	case api.OnXattr:
		return strings.Contains(e.Name, " ") && !strings.HasSuffix(e.Name, " trusted.gfid") // which glusterfsd makes
	case api.OnProcess:
		return e.Action != api.ActionChange && !strings.HasPrefix(e.Name, "rebalance of ") && !strings.HasPrefix(e.Name, "remove-brick of ")
	}
	return false
}

// visible lists the effects of a plan that a world shows, in the same form. ids are those that the plan could not know.
func visible(plan api.OperationPlan, ids map[string]string) []string {
	var out []string
	for _, s := range plan.Steps {
		for _, on := range s.Peers {
			for _, e := range on.Effects {
				if seen(e) {
					out = append(out, on.Host+" "+e.Action+" "+e.Kind+" "+e.Name)
				}
			}
		}
	}
	records := map[string]string{}
	for _, e := range plan.Records {
		name := e.Name
		for placeholder, id := range ids {
			name = strings.ReplaceAll(name, placeholder, id)
		}
		prefix, _, _ := strings.Cut(name, "/")
		if slices.Contains([]string{"volumes", "peers", "groups", "options", "devices", "quota"}, prefix) {
			records[name] = e.Action // of several changes of a record the last one is seen
		}
	}
	for name, action := range records {
		out = append(out, action+" record "+name)
	}
	slices.Sort(out)
	return out
}
