package heal

import (
	"context"
	"path"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/transaction"
)

// maxPath is how long the path of a file may be (PATH_MAX).
const maxPath = 4096

// Resolve ends the split-brain of a file: the bigger or the latest copy wins, or that of one brick. By brick alone, that
// brick's copies of all files in split-brain win.
func (c *Commands) Resolve(ctx context.Context, name, operation string, req api.SplitBrainReq) (api.SplitBrainResult, error) {
	v, err := c.started(ctx, name)
	if err != nil {
		return api.SplitBrainResult{}, err
	}
	if v.Shape().Type != api.SubvolReplicate {
		return api.SplitBrainResult{}, api.Errorf(api.State, "volume %s is of type %s: only copies of replicate volumes can be in split-brain", name, v.TypeName())
	}
	args, err := c.resolution(ctx, v, operation, req)
	if err != nil {
		return api.SplitBrainResult{}, err
	}
	if err := transaction.Propose(ctx, c.resolvePlan(v, args)); err != nil {
		return api.SplitBrainResult{}, err
	}
	said, err := c.cfg.Tool.Resolve(ctx, name, args...)
	return api.SplitBrainResult{Message: said}, err
}

// resolution checks a request and returns it in the words of GlusterFS' tool.
func (c *Commands) resolution(ctx context.Context, v *volume.Volume, operation string, req api.SplitBrainReq) ([]string, error) {
	if req.FileName != "" {
		if err := checkFile(req.FileName); err != nil {
			return nil, err
		}
	}
	switch operation {
	case api.SplitBrainBiggerFile, api.SplitBrainLatestMtime:
		if req.FileName == "" {
			return nil, api.FieldErrorf("filename", "%s needs a file: a path from the root of the volume, or gfid:UUID", operation)
		}
		if req.HostName != "" || req.BrickName != "" {
			return nil, api.FieldErrorf("brickname", "%s takes no brick: the copy is chosen by itself", operation)
		}
		if operation == api.SplitBrainBiggerFile {
			return []string{operation, req.FileName}, nil
		}
		b, err := c.latest(ctx, v, req.FileName)
		if err != nil {
			return nil, err
		}
		return c.source(b, req.FileName)
	case api.SplitBrainSource:
		brick := req.HostName + ":" + req.BrickName
		for _, b := range v.Bricks() {
			if volumes.NamesBrick(c.cfg.Store, b, brick) {
				return c.source(b, req.FileName)
			}
		}
		return nil, volumes.NoSuchBrick(v, brick).With(api.FieldField, "brickname")
	}
	return nil, api.FieldErrorf("operation", "split-brain has no %.30q: use %s, %s or %s", operation, api.SplitBrainBiggerFile, api.SplitBrainLatestMtime, api.SplitBrainSource)
}

func (c *Commands) source(b volume.Brick, file string) ([]string, error) {
	if b.Arbiter {
		return nil, api.FieldErrorf("brickname", "%s is an arbiter, which has no data: name a brick with a copy", c.brickName(b))
	}
	args := []string{api.SplitBrainSource, c.brickName(b)}
	if file != "" {
		args = append(args, file)
	}
	return args, nil
}

// checkFile checks the name of a file on a volume.
func checkFile(name string) error {
	if id, ok := strings.CutPrefix(name, "gfid:"); ok {
		if _, err := uuid.Parse(id); err != nil || len(id) != len(uuid.Nil.String()) {
			return api.FieldErrorf("filename", "%.60q is no gfid: after gfid: comes a UUID, such as gfid:%s", name, uuid.Nil)
		}
		return nil
	}
	switch {
	case !strings.HasPrefix(name, "/"):
		return api.FieldErrorf("filename", "%.100q must be a path from the root of the volume, such as /dir/file, or gfid:UUID", name)
	case len(name) > maxPath:
		return api.FieldErrorf("filename", "the path of the file has %d bytes: at most %d", len(name), maxPath)
	case path.Clean(name) != name:
		return api.FieldErrorf("filename", "the path of the file must be in its shortest form, here %.100q", path.Clean(name))
	case strings.ContainsFunc(name, unicode.IsControl):
		return api.FieldErrorf("filename", "the path %.100q has control characters: name the file by gfid:UUID", name)
	}
	return nil
}

func (c *Commands) resolvePlan(v *volume.Volume, args []string) api.OperationPlan {
	return api.OperationPlan{
		Operation: "volume.split-brain", Peers: []string{c.cfg.PeerID},
		Steps: []api.PlanStep{{Name: "resolve", Irreversible: true, Peers: []api.PlanPeer{{PeerID: c.cfg.PeerID, Host: peer.Hosts(c.cfg.Store)(c.cfg.PeerID),
			Effects: []api.Effect{{Action: api.ActionChange, Kind: api.OnData, Name: v.Name, Irreversible: true, Note: strings.Join(args, " ")}}}}}},
		Irreversible: []string{"the copies that are not chosen are overwritten"},
	}
}
