package cmd

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

func newVolumeStatus(a *app) *cobra.Command {
	var detail, bytes bool
	c := &cobra.Command{
		Use:   "status [VOLUME|all [shd|quotad|BRICK]] [detail|clients|client-list|mem|inode|fd|callpool|tasks]",
		Short: "Show how the bricks and daemons of volumes do",
		Example: `  glustercli volume status gv0
  glustercli volume status gv0 node1:/bricks/b1 clients
  glustercli volume status gv0 shd mem
  glustercli volume status all client-list`,
		Args: wants(0, 3), ValidArgsFunction: a.complete(volumeNames(statusKinds...)),
	}
	c.Flags().BoolVar(&detail, "detail", false, "show filesystem, device and room of each brick")
	c.Flags().BoolVar(&bytes, "bytes", false, "sizes in bytes")
	c.RunE = a.do("volume status", func(ctx context.Context, args []string) error {
		q, err := parseStatus(args)
		if err != nil {
			return err
		}
		q.bytes = bytes
		if detail {
			if q.what != "" && q.what != detailWord {
				return usagef("--detail does not go with %s", q.what)
			}
			q.what = detailWord
		}
		if q.what != "" && q.what != detailWord {
			return a.processStatus(ctx, q)
		}
		return a.volumeStatus(ctx, q)
	})
	return c
}

// detailWord asks for what is known of the filesystem of each brick.
const detailWord = "detail"

var statusKinds = []string{detailWord, api.StatusClients, clientListWord, api.StatusMemory, api.StatusInodes, api.StatusFiles, api.StatusCallpool, tasksWord}

// statusQuery is what the arguments of volume status ask for. Without a volume all are meant.
type statusQuery struct {
	volumes []string
	which   client.Which
	what    string // one of statusKinds, or ""
	bytes   bool
}

// parseStatus reads gluster's grammar: the volume, the process, the kind of status, each of which may be missing.
func parseStatus(args []string) (statusQuery, error) {
	q := statusQuery{}
	if len(args) == 0 {
		return q, nil
	}
	q.volumes, args = args[:1], args[1:]
	if n := len(args); n > 0 && slices.Contains(statusKinds, args[n-1]) {
		q.what, args = args[n-1], args[:n-1]
	}
	switch {
	case len(args) == 0:
		return q, nil
	case len(args) > 1:
		return q, usagef("%s is not understood; after the volume comes shd, quotad or a brick, and then one of %s", quoted(args[1]), strings.Join(statusKinds, ", "))
	case args[0] == wordNFS:
		return q, noNFS()
	case args[0] == "shd":
		q.which.Daemon = api.ProcessSelfHeal
	case args[0] == "quotad":
		q.which.Daemon = api.ProcessQuota
	case strings.Contains(args[0], ":/"):
		q.which.Brick = args[0]
	default:
		return q, usagef("%s is not understood; after the volume comes shd, quotad, a brick as HOST:PATH, or one of %s", quoted(args[0]), strings.Join(statusKinds, ", "))
	}
	return q, nil
}

// volumeStatus shows gluster's table of processes, or with detail the filesystems of the bricks.
func (a *app) volumeStatus(ctx context.Context, q statusQuery) error {
	all, failed, err := a.statuses(ctx, q.volumes)
	if err != nil {
		return err
	}
	all, err = chooseAll(all, q)
	if err != nil {
		return err
	}
	show := human
	if q.bytes {
		show = func(n uint64) string { return strconv.FormatUint(n, 10) }
	}
	err = a.emit(oneOrAll(all, q.volumes), func(w io.Writer) {
		for _, s := range all {
			a.writeStatus(w, s, q.what == detailWord, show)
		}
	})
	if err == nil && len(failed) > 0 {
		err = &partial{failed}
	}
	return err
}

// chooseAll is choose for several volumes. Of all of them those that have none of what is meant are left out.
func chooseAll(all []api.VolumeStatus, q statusQuery) ([]api.VolumeStatus, error) {
	var out []api.VolumeStatus
	for _, s := range all {
		err := choose(&s, q.which)
		switch {
		case err == nil:
			out = append(out, s)
		case named(q.volumes):
			return nil, err
		}
	}
	return out, nil
}

// choose leaves only the processes that are meant.
func choose(s *api.VolumeStatus, which client.Which) error {
	if which.Daemon != "" {
		s.Bricks = nil
		wanted := isSelfHeal
		if which.Daemon == api.ProcessQuota {
			wanted = isQuota
		}
		s.Daemons = slices.DeleteFunc(s.Daemons, func(d api.DaemonStatus) bool { return !wanted(d.Name) })
		if len(s.Daemons) == 0 {
			return api.Errorf(api.NotFound, "no daemon of the kind %s looks after volume %s", which.Daemon, s.Info.Name)
		}
		return nil
	}
	if which.Brick == "" {
		return nil
	}
	s.Daemons = nil
	s.Bricks = slices.DeleteFunc(s.Bricks, func(b api.BrickStatus) bool {
		return brickName(b.Info) != which.Brick && b.Info.PeerID+":"+b.Info.Path != which.Brick
	})
	if len(s.Bricks) == 0 {
		return api.Errorf(api.NotFound, "%s is no brick of volume %s", quoted(which.Brick), s.Info.Name)
	}
	return nil
}

func human(n uint64) string { return size(n) }

// statuses asks for the status of the volume named, or of every started one; of these, some may fail.
func (a *app) statuses(ctx context.Context, args []string) ([]api.VolumeStatus, []*api.Error, error) {
	if named(args) {
		s, err := a.client.VolumeStatus(ctx, args[0])
		return []api.VolumeStatus{s}, nil, err
	}
	vols, err := a.volumes(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	var out []api.VolumeStatus
	var failed []*api.Error
	for _, v := range vols {
		if v.State != api.VolumeStarted {
			a.note("Volume %s is not started", v.Name)
			continue
		}
		s, err := a.client.VolumeStatus(ctx, v.Name)
		if err != nil {
			failed = append(failed, &api.Error{Kind: api.AsError(err).Kind, Message: v.Name + ": " + err.Error()})
			continue
		}
		out = append(out, s)
	}
	if len(vols) == 0 {
		a.note("No volumes present")
	}
	return out, failed, nil
}

const rule = "------------------------------------------------------------------------------"

func (a *app) writeStatus(w io.Writer, s api.VolumeStatus, detail bool, show func(uint64) string) {
	say(w, "Status of volume: %s\n", s.Info.Name)
	if detail {
		for _, b := range s.Bricks {
			writeBrick(w, b, show)
		}
	} else {
		a.writeProcesses(w, s)
	}
	for _, b := range s.Bricks {
		if b.Error != "" {
			say(w, "Brick %s: %s\n", brickName(b.Info), b.Error)
		}
	}
	for _, d := range s.Daemons {
		if d.Error != "" {
			say(w, "%s on %s: %s\n", d.Name, d.Hostname, d.Error)
		}
	}
	say(w, "\n")
}

// writeProcesses writes gluster's table: one line for each process, the columns that scripts count from the right.
func (a *app) writeProcesses(w io.Writer, s api.VolumeStatus) {
	rows := make([][]string, 0, len(s.Bricks)+len(s.Daemons))
	wide := 42
	for _, b := range s.Bricks {
		port, pid, rdma := "N/A", "N/A", "N/A"
		if b.Online {
			port, pid, rdma = strconv.Itoa(b.Port), strconv.Itoa(b.Pid), "0"
		}
		rows = append(rows, []string{"Brick " + brickName(b.Info), port, rdma, yesNo(b.Online), pid})
	}
	for _, d := range s.Daemons {
		pid := "N/A"
		if d.Online {
			pid = strconv.Itoa(d.Pid)
		}
		rows = append(rows, []string{daemonName(d), "N/A", "N/A", yesNo(d.Online), pid})
	}
	for _, r := range rows {
		wide = max(wide, len(r[0]))
	}
	line := func(r []string) { say(w, "%-*s  %-8s  %-9s  %-6s  %s\n", wide, r[0], r[1], r[2], r[3], r[4]) }
	if !a.noHeaders {
		line([]string{"Gluster process", "TCP Port", "RDMA Port", "Online", "Pid"})
		say(w, "%s\n", rule)
	}
	for _, r := range rows {
		line(r)
	}
}

// daemonName writes the daemon's name as gluster does: the self-heal daemon of a peer is "Self-heal Daemon on HOST".
func daemonName(d api.DaemonStatus) string {
	name := d.Name
	if isSelfHeal(name) {
		name = "Self-heal Daemon"
	}
	return name + " on " + d.Hostname
}

func isSelfHeal(name string) bool {
	return slices.Contains([]string{"glustershd", "shd", "self-heal", "selfheal", "self-heal daemon"}, strings.ToLower(name))
}

func isQuota(name string) bool { return name == "Quota Daemon" }

func writeBrick(w io.Writer, b api.BrickStatus, show func(uint64) string) {
	port, pid := "N/A", "N/A"
	if b.Online {
		port, pid = strconv.Itoa(b.Port), strconv.Itoa(b.Pid)
	}
	say(w, "%s\n", rule)
	for _, l := range [][2]string{
		{"Brick", "Brick " + brickName(b.Info)},
		{"TCP Port", port},
		{"Online", yesNo(b.Online)},
		{"Pid", pid},
		{"File System", orDash(b.FS)},
		{"Device", orDash(b.Device)},
		{"Mount Options", orDash(b.MountOpts)},
		{"Disk Space Free", show(b.Size.Free)},
		{"Total Disk Space", show(b.Size.Capacity)},
		{"Inode Count", strconv.FormatUint(b.Inodes.Total, 10)},
		{"Free Inodes", strconv.FormatUint(b.Inodes.Free, 10)},
	} {
		say(w, "%-20s : %s\n", l[0], l[1])
	}
}
