// Package tools does what GlusterFS' own tools (glusterfind, gluster-eventsapi, gluster-mountbroker and the like) ask of the hosts of
// the pool: a file of theirs on every peer, and a script of theirs run on every peer.
//
// Neither is a transaction: what changes is the tools' own, there is no undo for it, and both may be repeated.
package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/runcmd"
	"gd2/store"
)

// Limits of what is sent to peers and taken from them.
const (
	maxFile   = 1 << 20
	maxArgs   = 64
	maxArg    = 4 << 10
	maxOutput = 64 << 10
	timeout   = 60 * time.Second
)

// Config is what New needs.
type Config struct {
	PeerID string
	Store  *store.Store
	Asker  *ask.Asker
	// Dir is the working directory in glusterd's layout; empty if there is none, and then nothing can be asked for.
	Dir string
	// Programs is the directory of the tools' scripts: that which is called NAME is the file peer_NAME there.
	Programs string
}

// Commands does what tools ask for.
type Commands struct {
	cfg Config
	put ask.Handle[file, struct{}]
	run ask.Handle[script, string]
}

// file is a file on its way to another peer. Path is below the working directory.
type file struct {
	Path string      `json:"path"`
	Mode fs.FileMode `json:"mode"`
	Data []byte      `json:"data"`
}

// script is a script that is to run, with its arguments.
type script struct {
	Name string   `json:"name"`
	Args []string `json:"args"`
}

// New makes the commands, and has them answer other peers.
func New(cfg Config) *Commands {
	c := &Commands{cfg: cfg}
	c.put = ask.Register(cfg.Asker, ask.Question[file, struct{}]{Name: "tools-put", Answer: func(_ context.Context, _ *volume.Volume, f file) (struct{}, error) {
		return struct{}{}, c.write(f)
	}})
	c.run = ask.Register(cfg.Asker, ask.Question[script, string]{Name: "tools-run", Timeout: timeout, Answer: func(ctx context.Context, _ *volume.Volume, s script) (string, error) {
		return c.execute(ctx, s)
	}})
	return c
}

// CopyFile puts a file of a tool on all other peers that are at work. source is its path below the working directory.
func (c *Commands) CopyFile(ctx context.Context, source string) error {
	f, err := c.read(source)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(c.online(), func(id string) bool { return id == c.cfg.PeerID })
	return ask.Failures("the file could not be copied to all peers", c.put.Ask(ctx, nil, others, f))
}

// Execute runs a script of the tools on all peers that are at work, and returns what each has written.
func (c *Commands) Execute(ctx context.Context, name string, args []string) ([]string, error) {
	s := script{Name: name, Args: args}
	if err := c.check(s); err != nil {
		return nil, err
	}
	answers := c.run.Ask(ctx, nil, c.online(), s)
	var out []string
	for _, a := range answers {
		out = append(out, a.Value)
	}
	return out, ask.Failures("peer_"+name+" did not succeed on all peers", answers)
}

func (c *Commands) online() []string {
	recs, _ := peer.Records.List(c.cfg.Store) // one that cannot be read is of a newer version, and is not asked
	var out []string
	for _, rec := range recs {
		if _, ok := peer.Online(c.cfg.Store, rec.ID); ok || rec.ID == c.cfg.PeerID {
			out = append(out, rec.ID)
		}
	}
	return out
}

// usable refuses everything where there is no working directory: the tools keep their files there.
func (c *Commands) usable() error {
	if c.cfg.Dir == "" {
		return api.Errorf(api.NotSupported, "this peer has no glusterd-dir in its configuration, in which the tools of GlusterFS keep their files")
	}
	return nil
}

// folders are those of the tools. All else in the working directory is not for them to change: it shows records, or is gd2's own.
func folders() []string { return []string{"glusterfind", "geo-replication", "events"} }

// local turns a path below the working directory into one that can be opened, and refuses what is not the tools' own.
func (c *Commands) local(path string) (string, error) {
	if err := c.usable(); err != nil {
		return "", err
	}
	rel := filepath.Clean(strings.TrimLeft(path, "/"))
	first, rest, _ := strings.Cut(rel, "/")
	if !filepath.IsLocal(rel) || rest == "" || !slices.Contains(folders(), first) {
		return "", api.FieldErrorf("source", "source %.200q: it must be a file below %s of %s", path, strings.Join(folders(), ", "), c.cfg.Dir)
	}
	return rel, nil
}

func (c *Commands) read(source string) (f file, err error) {
	if f.Path, err = c.local(source); err != nil {
		return f, err
	}
	root, err := os.OpenRoot(c.cfg.Dir) // links do not lead out of it
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	in, err := root.Open(f.Path)
	if err != nil {
		return f, api.FieldErrorf("source", "source %.200q cannot be read: %v", source, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	info, err := in.Stat()
	if err != nil {
		return f, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return f, api.FieldErrorf("source", "source %.200q: it must be a file of at most %d bytes", source, maxFile)
	}
	f.Mode = info.Mode().Perm()
	f.Data, err = io.ReadAll(io.LimitReader(in, maxFile))
	return f, err
}

// write puts a file that another peer has sent where it belongs, at once.
func (c *Commands) write(f file) (err error) {
	rel, err := c.local(f.Path)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(c.cfg.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := root.MkdirAll(filepath.Dir(rel), 0o700); err != nil {
		return err
	}
	next := filepath.Join(filepath.Dir(rel), "."+filepath.Base(rel)+".next")
	if err := root.WriteFile(next, f.Data, f.Mode.Perm()); err != nil {
		return err
	}
	return root.Rename(next, rel)
}

// plainName is what a script may be called: it becomes part of a path.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$`)

func (c *Commands) check(s script) error {
	if err := c.usable(); err != nil {
		return err
	}
	if !plainName.MatchString(s.Name) {
		return api.FieldErrorf("command", "command %.70q is not the name of a script of GlusterFS", s.Name)
	}
	if _, err := os.Stat(c.program(s)); err != nil {
		return api.FieldErrorf("command", "there is no script %s", c.program(s))
	}
	if len(s.Args) > maxArgs || slices.ContainsFunc(s.Args, func(a string) bool { return len(a) > maxArg || strings.ContainsRune(a, 0) }) {
		return api.FieldErrorf("args", "a script takes at most %d arguments of %d bytes", maxArgs, maxArg)
	}
	return nil
}

func (c *Commands) program(s script) string { return filepath.Join(c.cfg.Programs, "peer_"+s.Name) }

// execute runs a script on this host. It is run once for all: what it needs it finds in the working directory.
func (c *Commands) execute(ctx context.Context, s script) (string, error) {
	if err := c.check(s); err != nil {
		return "", err
	}
	res, err := runcmd.Run(ctx, runcmd.Command{Name: c.program(s), Args: s.Args, Dir: "/", Limit: maxOutput, Env: []string{"GLUSTERD_WORKDIR=" + c.cfg.Dir}})
	if err != nil {
		said := strings.TrimSpace(string(res.Stdout))
		return "", api.Errorf(api.State, "%s", strings.TrimSpace(fmt.Sprintf("%v %s", err, said)))
	}
	return string(res.Stdout), nil
}
