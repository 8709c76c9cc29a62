package cmd

import (
	"context"
	"io"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// Words of volume status that are no part of a process's state.
const (
	clientListWord = "client-list"
	tasksWord      = "tasks"
)

// volumeProcesses is what one volume's processes answered; one of the lists is set.
type volumeProcesses struct {
	Volume    string             `json:"volume"`
	Processes []api.ProcessState `json:"processes,omitempty"`
	Clients   []api.ClientCount  `json:"clients,omitempty"`
	Tasks     []api.VolumeTask   `json:"tasks,omitempty"`
}

// processStatus shows the inner state of the processes of a volume, or of every started one.
func (a *app) processStatus(ctx context.Context, q statusQuery) error {
	if (q.what == clientListWord || q.what == tasksWord) && q.which != (client.Which{}) {
		return usagef("%s is of the whole volume", q.what)
	}
	names, err := a.startedVolumes(ctx, q.volumes)
	if err != nil {
		return err
	}
	var all []volumeProcesses
	var failed []*api.Error
	for _, name := range names {
		v, err := a.volumeProcesses(ctx, name, q)
		switch {
		case err == nil:
			all, failed = append(all, v), append(failed, v.gaps()...)
		case named(q.volumes):
			return err
		case q.which == (client.Which{}) || !api.IsKind(err, api.NotFound) && !api.IsKind(err, api.NotSupported):
			failed = append(failed, &api.Error{Kind: api.AsError(err).Kind, Message: name + ": " + err.Error()})
		}
	}
	err = a.emit(oneOrAll(all, q.volumes), func(w io.Writer) {
		for _, v := range all {
			writeProcessStates(w, v, q.what)
		}
	})
	if err == nil && len(failed) > 0 {
		err = &partial{failed}
	}
	return err
}

// gaps says which processes did not answer, and why.
func (v volumeProcesses) gaps() []*api.Error {
	return gaps(v.Processes, func(st api.ProcessState) (string, string) { return processName(st), st.Error })
}

func (a *app) volumeProcesses(ctx context.Context, name string, q statusQuery) (volumeProcesses, error) {
	v := volumeProcesses{Volume: name}
	var err error
	switch q.what {
	case clientListWord:
		v.Clients, err = a.client.VolumeClientList(ctx, name)
	case tasksWord:
		v.Tasks, err = a.client.VolumeTasks(ctx, name)
	default:
		v.Processes, err = a.client.VolumeProcesses(ctx, name, q.what, q.which)
	}
	return v, err
}

// startedVolumes returns the volume that is named, or every started one.
func (a *app) startedVolumes(ctx context.Context, args []string) ([]string, error) {
	if named(args) {
		return args[:1], nil
	}
	vols, err := a.volumes(ctx, nil)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, v := range vols {
		if v.State == api.VolumeStarted {
			out = append(out, v.Name)
		}
	}
	return out, nil
}

// processName is how gluster names a process: a daemon with its host.
func processName(st api.ProcessState) string {
	if st.Kind == api.ProcessBrick {
		return st.Name
	}
	return st.Name + " on " + st.Host
}

// line is gluster's line between processes.
var line = strings.Repeat("-", 46)

// writeProcessStates writes what the processes of a volume answered, as gluster does.
func writeProcessStates(w io.Writer, v volumeProcesses, what string) {
	switch what {
	case clientListWord:
		writeClientList(w, v)
		return
	case tasksWord:
		writeTasks(w, v)
		return
	}
	title := map[string]string{
		api.StatusClients: "Client connections for volume", api.StatusMemory: "Memory status for volume :", api.StatusInodes: "Inode tables for volume",
		api.StatusFiles: "Open files for volume", api.StatusCallpool: "Pending calls for volume",
	}[what]
	say(w, "%s %s\n%s\n", title, v.Volume, line)
	for _, st := range v.Processes {
		if st.Error != "" {
			continue
		}
		kind := "Brick"
		if st.Kind != api.ProcessBrick {
			kind = "Daemon"
		}
		say(w, "%s : %s\n", kind, processName(st))
		writeState(w, st, what)
		say(w, "%s\n", line)
	}
	say(w, "\n")
}

func writeState(w io.Writer, st api.ProcessState, what string) {
	switch what {
	case api.StatusClients:
		writeClients(w, st.Clients)
	case api.StatusMemory:
		writeMemory(w, st.Memory)
	case api.StatusInodes:
		writeInodes(w, st.Inodes)
	case api.StatusFiles:
		for _, f := range st.Files {
			say(w, "%6d %-2s %s\n", f.FD, f.Mode, f.Path)
		}
	case api.StatusCallpool:
		writeCalls(w, st.Calls)
	}
}

func writeClients(w io.Writer, clients []api.ClientConnection) {
	const row = "%-48s %15v %15v %15v  %s\n"
	say(w, "Clients connected : %d\n", len(clients))
	say(w, row, "Hostname", "BytesRead", "BytesWritten", "OpVersion", "Process")
	say(w, row, "--------", "---------", "------------", "---------", "-------")
	for _, c := range clients {
		say(w, row, c.Address, c.BytesRead, c.BytesWritten, c.OpVersion, c.Name)
	}
}

func writeMemory(w io.Writer, m *api.ProcessMemory) {
	if m == nil {
		return
	}
	say(w, "Mallinfo\n--------\n")
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Arena", m.Arena}, {"Ordblks", m.Ordblks}, {"Smblks", m.Smblks}, {"Hblks", m.Hblks}, {"Hblkhd", m.Hblkhd}, {"Usmblks", m.Usmblks},
		{"Fsmblks", m.Fsmblks}, {"Uordblks", m.Uordblks}, {"Fordblks", m.Fordblks}, {"Keepcost", m.Keepcost},
	} {
		say(w, "%-9s: %d\n", f.name, f.value)
	}
	if len(m.Pools) == 0 {
		return
	}
	say(w, "\nMempool Stats\n-------------\n%-30s %10s %10s %12s\n", "Name", "Active", "Sizeof", "PaddedSizeof")
	for _, p := range m.Pools {
		say(w, "%-30s %10d %10d %12d\n", p.Name, p.Active, p.Size, p.PaddedSize)
	}
}

func writeInodes(w io.Writer, tables []api.InodeTable) {
	for _, t := range tables {
		say(w, "Connection %d:\nLRU limit     : %d\nActive Inodes : %d\nLRU Inodes    : %d\nPurge Inodes  : %d\n", t.Connection+1, t.LRULimit, t.ActiveSize, t.LRUSize, t.PurgeSize)
		say(w, "\n")
	}
}

func writeCalls(w io.Writer, calls []api.PendingCall) {
	say(w, "Pending calls: %d\n", len(calls))
	for i, c := range calls {
		say(w, "Call Stack%d\n Op     : %s\n UID    : %d\n GID    : %d\n PID    : %d\n Unique : %d\n Frames : %d\n", i+1, c.Operation, c.UID, c.GID, c.PID, c.Unique, len(c.Frames))
		for n, f := range c.Frames {
			say(w, " Frame %d\n  Translator : %s\n  Completed  : %s\n", n+1, f.Translator, map[bool]string{true: "Yes", false: "No"}[f.Complete])
			for _, l := range [][2]string{{"Parent", f.Parent}, {"Wind From", f.WindFrom}, {"Wind To", f.WindTo}, {"Unwind From", f.UnwindFrom}, {"Unwind To", f.UnwindTo}} {
				if l[1] != "" {
					say(w, "  %-11s: %s\n", l[0], l[1])
				}
			}
		}
		say(w, "\n")
	}
}

func writeClientList(w io.Writer, v volumeProcesses) {
	const row = "%-56s %9v\n"
	total := 0
	say(w, "Client connections for volume %s\n", v.Volume)
	say(w, row, "Name", "count")
	say(w, row, "-----", "------")
	for _, c := range v.Clients {
		say(w, row, c.Name, c.Count)
		total += c.Count
	}
	say(w, "\ntotal clients for volume %s : %d\n%s\n\n", v.Volume, total, strings.Repeat("-", 65))
}

func writeTasks(w io.Writer, v volumeProcesses) {
	say(w, "Task Status of Volume %s\n%s\n", v.Volume, rule)
	if len(v.Tasks) == 0 {
		say(w, "There are no active volume tasks\n")
	}
	for _, t := range v.Tasks {
		say(w, "%-20s : %s\n%-20s : %s\n%-20s : %s\n", "Task", t.Type, "ID", t.ID, "Status", t.State)
		if t.Error != "" {
			say(w, "%-20s : %s\n", "Error", t.Error)
		}
		say(w, "\n")
	}
	say(w, "\n")
}
