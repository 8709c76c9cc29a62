package cmd

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// createFlags is what the flags of volume create say; the words of gluster's grammar are added to it.
type createFlags struct {
	replica, arbiter           int
	disperse, data, redundancy int
	// dispersed says that the word disperse was given, with or without a number.
	dispersed bool
	transport string
	force     bool
	metadata  map[string]string
	options   []string
	api.OptionFlags
	reuse, rootDir, mount, createDir bool
	sized                            sizedFlags
}

// Words of gluster's grammar of volume create.
const (
	wordReplica      = "replica"
	wordArbiter      = "arbiter"
	wordDisperse     = "disperse"
	wordDisperseData = "disperse-data"
	wordRedundancy   = "redundancy"
	wordTransport    = "transport"
	wordForce        = "force"
)

// parseCreate turns the arguments of volume create, the name first, into a request.
func parseCreate(args []string, f createFlags) (api.VolumeCreateReq, error) {
	if len(args) == 0 {
		return api.VolumeCreateReq{}, usagef("the name of the volume is missing")
	}
	bricks, err := f.words(args[1:])
	if err != nil {
		return api.VolumeCreateReq{}, err
	}
	options, err := f.optionMap()
	if err != nil {
		return api.VolumeCreateReq{}, err
	}
	req := api.VolumeCreateReq{
		Name: args[0], Transport: f.transport, Force: f.force,
		Metadata: f.metadata, Options: options, OptionFlags: f.OptionFlags, Flags: f.brickFlags(),
	}
	if err := f.sized.into(&req, f); err != nil || f.sized.given() {
		return req, err
	}
	s, err := f.shape(len(bricks))
	if err != nil {
		return api.VolumeCreateReq{}, err
	}
	req.Subvols = s.split(bricks)
	return req, nil
}

// words takes the words of gluster's grammar into f and returns the bricks.
func (f *createFlags) words(args []string) ([]api.BrickReq, error) {
	var bricks []api.BrickReq
	for i := 0; i < len(args); i++ {
		if strings.Contains(args[i], ":") {
			b, err := parseBrick(args[i])
			if err != nil {
				return nil, err
			}
			if slices.Contains(bricks, b) {
				return nil, usagef("brick %s is given twice", args[i])
			}
			bricks = append(bricks, b)
			continue
		}
		used, err := f.word(args[i], args[i+1:])
		if err != nil {
			return nil, err
		}
		i += used
	}
	switch {
	case len(bricks) == 0 && !f.sized.given():
		return nil, usagef("no brick is given; name at least one as HOST:/PATH, or give --size")
	case len(bricks) > 0 && f.sized.given():
		return nil, usagef("bricks and --size are given: either gd2 makes the bricks, or you name them")
	}
	return bricks, nil
}

// word takes one word and what belongs to it from the arguments that follow; it returns how many those were.
func (f *createFlags) word(w string, rest []string) (int, error) {
	switch w {
	case wordReplica:
		return number(w, rest, &f.replica)
	case wordArbiter:
		return number(w, rest, &f.arbiter)
	case wordDisperseData:
		return number(w, rest, &f.data)
	case wordRedundancy:
		return number(w, rest, &f.redundancy)
	case wordDisperse:
		f.dispersed = true
		if len(rest) == 0 || strings.Contains(rest[0], ":") || slices.Contains(createKeywords(), rest[0]) {
			return 0, nil
		}
		return number(w, rest, &f.disperse)
	case wordTransport:
		if len(rest) == 0 {
			return 0, usagef("transport needs a value: tcp")
		}
		f.transport = rest[0]
		return 1, nil
	case wordForce:
		f.force = true
		return 0, nil
	case "stripe":
		return 0, usagef("striped volumes are not supported; use disperse, or shard files with features.shard")
	case "thin-arbiter":
		return 0, usagef("thin arbiters are not supported; use replica 3 arbiter 1")
	}
	return 0, usagef("%s is neither a brick (HOST:/PATH) nor one of the words %s",
		quoted(w), strings.Join(createKeywords(), ", "))
}

func createKeywords() []string {
	return []string{wordReplica, wordArbiter, wordDisperse, wordDisperseData, wordRedundancy, wordTransport, wordForce}
}

// createWords completes the words of volume create.
func createWords(_ context.Context, _ *client.Client, args []string) []string {
	if len(args) == 0 {
		return nil
	}
	return createKeywords()
}

// number takes the number that follows a word. A flag that says something else is a contradiction.
func number(w string, rest []string, into *int) (int, error) {
	if len(rest) == 0 {
		return 0, usagef("%s needs a number", w)
	}
	n, err := strconv.Atoi(rest[0])
	if err != nil || n < 0 {
		return 0, usagef("%s needs a number, not %s", w, quoted(rest[0]))
	}
	if *into != 0 && *into != n {
		return 0, usagef("%s is given twice: %d and %d", w, *into, n)
	}
	*into = n
	return 1, nil
}

// parseBrick splits HOST:/PATH. An IPv6 address may stand in brackets.
func parseBrick(s string) (api.BrickReq, error) {
	i := strings.Index(s, ":/")
	if i <= 0 {
		return api.BrickReq{}, usagef("%s is not a brick; it must be HOST:/PATH with an absolute path", quoted(s))
	}
	host := s[:i]
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	return api.BrickReq{PeerID: host, Path: s[i+1:]}, nil
}

func (f *createFlags) optionMap() (map[string]string, error) {
	if len(f.options) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(f.options))
	for _, o := range f.options {
		k, v, ok := strings.Cut(o, ":")
		if !ok {
			k, v, ok = strings.Cut(o, "=")
		}
		if !ok || k == "" {
			return nil, usagef("--options: %s is not NAME:VALUE", quoted(o))
		}
		out[strings.TrimSpace(k)] = strings.TrimSpace(v)
	}
	return out, nil
}

func (f *createFlags) brickFlags() map[string]bool {
	out := map[string]bool{}
	for name, on := range map[string]bool{
		api.FlagReuseBricks: f.reuse, api.FlagAllowRootDir: f.rootDir,
		api.FlagAllowMountAsBrick: f.mount, api.FlagCreateBrickDir: f.createDir,
	} {
		if on {
			out[name] = true
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
