package selfheal

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"strconv"
	"strings"
	"time"

	"gd2/pkg/api"
	"gd2/pkg/runcmd"
)

// InfoProgram is GlusterFS's tool that asks a volume's bricks what is left to heal. It gets the volfile from the
// daemon's unix socket.
const InfoProgram = "/usr/lib/x86_64-linux-gnu/glusterfs/glfsheal"

// infoTimeout bounds one run of the tool: bricks that do not answer, and locks that clients hold, make it wait. It is less than a
// request waits, so that whoever asked is told why.
const infoTimeout = 45 * time.Second

// Info reports what is left to heal.
type Info struct {
	// Program is the path of glfsheal; empty means InfoProgram.
	Program string
	// Socket is the daemon's unix socket.
	Socket string
	// Timeout bounds one run of the program; 0 means infoTimeout.
	Timeout time.Duration
}

// HealInfo reports what is left to heal of a volume, brick by brick. kind is empty for the list of files,
// "info-summary" for counts, "split-brain-info" for the files in split-brain: glfsheal's own words.
func (i Info) HealInfo(ctx context.Context, volumeName, kind string) ([]api.BrickHealInfo, error) {
	args := []string{"--xml"}
	if kind != "" {
		args = []string{kind, "--xml"}
	}
	res, err := i.run(ctx, volumeName, args...)
	if api.IsKind(err, api.Timeout) {
		return nil, err
	}
	if err != nil && len(res.Stdout) == 0 {
		return nil, api.Errorf(api.Internal, "what is left to heal of volume %s cannot be told: %v", volumeName, err)
	}
	return parseInfo(volumeName, res.Stdout)
}

// Resolve ends split-brains: args are glfsheal's own words, such as "bigger-file" and a path. It returns what glfsheal says.
// An error is an *api.Error whose message that is: Unavailable if bricks are away, State if the split-brain stays.
func (i Info) Resolve(ctx context.Context, volumeName string, args ...string) (string, error) {
	res, err := i.run(ctx, volumeName, args...)
	said := strings.TrimSpace(string(res.Stdout))
	if err == nil || api.IsKind(err, api.Timeout) {
		return said, err
	}
	if said == "" {
		said = strings.TrimSpace(string(res.Stderr))
	}
	if said == "" {
		return "", api.Errorf(api.Internal, "split-brain of volume %s: %v", volumeName, err)
	}
	return "", api.Errorf(api.State, "%s", said)
}

// ReadyForGranular checks what glusterd wants before entries may be healed by name: that all bricks are there and nothing is
// left to heal. The error is an *api.Error of kind State.
func (i Info) ReadyForGranular(ctx context.Context, volumeName string) error {
	res, err := i.run(ctx, volumeName, "granular-entry-heal-op")
	if err == nil || api.IsKind(err, api.Timeout) {
		return err
	}
	said := strings.TrimSpace(string(res.Stdout) + string(res.Stderr))
	if said == "" {
		said = err.Error()
	}
	return api.Errorf(api.State, "granular entry heal of volume %s: %s", volumeName, said)
}

// run runs the program. An error that is a Timeout says that it did not end.
func (i Info) run(ctx context.Context, volumeName string, args ...string) (runcmd.Result, error) {
	limit := cmp.Or(i.Timeout, infoTimeout)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	program := i.Program
	if program == "" {
		program = InfoProgram
	}
	args = append(append([]string{volumeName}, args...), "--nolog", "glusterd-sock", i.Socket)
	res, err := runcmd.Run(ctx, runcmd.Command{Name: program, Args: args, Limit: maxInfo})
	if errors.Is(err, context.DeadlineExceeded) {
		err = api.Errorf(api.Timeout, "glfsheal, which asks the bricks of volume %s themselves, did not end within %v: a brick does not answer, or clients hold locks; "+
			"'glustercli volume heal %s statistics heal-count' asks the self-heal daemons instead", volumeName, limit, volumeName)
	}
	return res, err
}

// maxInfo bounds the report, in bytes: a volume can have very many files to heal.
const maxInfo = 64 << 20

// report is the XML that glfsheal prints; numbers are "-" for a brick that cannot be asked.
type report struct {
	Bricks []struct {
		HostUUID   string   `xml:"hostUuid,attr"`
		Name       string   `xml:"name"`
		Status     string   `xml:"status"`
		Entries    string   `xml:"numberOfEntries"`
		Total      string   `xml:"totalNumberOfEntries"`
		Pending    string   `xml:"numberOfEntriesInHealPending"`
		SplitBrain string   `xml:"numberOfEntriesInSplitBrain"`
		Healing    string   `xml:"numberOfEntriesPossiblyHealing"`
		Files      []string `xml:"file"`
	} `xml:"healInfo>bricks>brick"`
	Return int    `xml:"opRet"`
	Errno  int    `xml:"opErrno"`
	Error  string `xml:"opErrstr"`
}

func parseInfo(volumeName string, text []byte) ([]api.BrickHealInfo, error) {
	var r report
	if err := xml.Unmarshal(text, &r); err != nil {
		return nil, api.Errorf(api.Internal, "the heal report of volume %s cannot be read: %v", volumeName, err)
	}
	if r.Return != 0 {
		return nil, api.Errorf(api.Unavailable, "what is left to heal of volume %s cannot be told: %s (error %d)", volumeName, r.Error, r.Errno)
	}
	out := make([]api.BrickHealInfo, 0, len(r.Bricks))
	for _, b := range r.Bricks {
		files := b.Files
		if files == nil {
			files = []string{}
		}
		out = append(out, api.BrickHealInfo{
			HostID: &b.HostUUID, Name: &b.Name, Status: &b.Status, Files: files, Entries: number(b.Entries), TotalEntries: number(b.Total),
			EntriesInHealPending: number(b.Pending), EntriesInSplitBrain: number(b.SplitBrain), EntriesPossiblyHealing: number(b.Healing),
		})
	}
	return out, nil
}

// number reads a count; what is no number is unknown. gluster-prometheus needs a number for entries, so it gets -1.
func number(text string) *int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		n = -1
	}
	return &n
}
