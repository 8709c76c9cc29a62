// Package cmd is the commands of glustercli: each turns its arguments into requests and the answers into text, JSON or YAML.
package cmd

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// Where a daemon on this host is found when nothing else is said.
const (
	localSocket  = "unix:///run/glusterd2/glusterd2.socket"
	faceSocket   = "unix:///run/gluster/glusterd2.socket" // of a daemon that was started as glusterd
	localAddress = "https://localhost:24007"
	localSecret  = "/var/lib/glusterd2/auth"
	localCA      = "/var/lib/glusterd2/tls/current/ca.pem"
)

// The environment variables that glustercli reads.
const (
	envEndpoints = "GD2_ENDPOINTS"
	envSecret    = "GD2_AUTH_SECRET"
	envNoColor   = "NO_COLOR"
)

// Env is what glustercli sees of the world. Every field but Version must be set.
type Env struct {
	// Args are the arguments without the name of the program.
	Args     []string
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	// CanAsk says that somebody can be asked a question: In and Err are a terminal.
	CanAsk bool
	// AskSecret reads a line from the terminal without showing it.
	AskSecret func() (string, error)
	// OutTerminal says that Out is a terminal, which may show colour.
	OutTerminal bool
	// ErrTerminal says that Err is a terminal, on which progress can be shown in place.
	ErrTerminal bool
	// Version is the version of glustercli.
	Version string
}

// global holds the flags that every command has.
type global struct {
	endpoints  []string
	user       string
	secretFile string
	cacert     string
	insecure   bool
	timeout    time.Duration
	async      bool
	key        string
	output     string
	json       bool
	yes        bool
	dryRun     bool
	ifMatch    string
	showTag    bool
	quiet      bool
	noHeaders  bool
	debug      bool
	mode       string
}

// app is one run of glustercli.
type app struct {
	Env
	global
	root *cobra.Command
	// started is set once the arguments have been understood; an error before that is one of usage.
	started bool
	client  *client.Client
	command string // the words of the command, without flags, which may hold secrets
	tag     string // of the last answer
}

// Main runs glustercli and returns its exit code, one of the Exit constants.
func Main(ctx context.Context, env Env) int {
	a := &app{Env: env}
	a.root = a.newRoot()
	a.root.SetArgs(env.Args)
	a.root.SetIn(env.In)
	a.root.SetOut(env.Out)
	a.root.SetErr(env.Err)
	cmd, err := a.root.ExecuteContextC(ctx)
	if a.client != nil {
		a.client.Close()
	}
	if err == nil {
		return ExitOK
	}
	if !a.started {
		err = asUsage(err)
	}
	return a.report(cmd, err)
}

// do makes the body of a command that asks the pool: it connects, and names the operation in errors.
func (a *app) do(op string, f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.started = true
		_, words, _ := strings.Cut(cmd.CommandPath(), " ")
		a.command = strings.Join(append([]string{words}, args...), " ")
		err := a.connect()
		if err == nil {
			err = a.shownTag(a.planned(f(a.keyed(a.requests(cmd.Context())), args)))
		}
		if p, ok := client.IsPending(err); ok && a.async && !p.Waited {
			return a.begun(p.ID)
		}
		if err != nil {
			return &failure{op: op, err: err}
		}
		return nil
	}
}

// keyed is a context in which the request of a command has the key that its user chose.
func (a *app) keyed(ctx context.Context) context.Context {
	if a.key == "" {
		return ctx
	}
	return client.WithKey(ctx, a.key)
}

// begun ends a command that was asked not to wait: the id alone on standard output, for scripts.
func (a *app) begun(id string) error {
	return a.emit(api.TransactionRef{ID: id, State: api.OperationRunning}, func(w io.Writer) {
		say(w, "%s\n", id)
		a.note("The change has begun. Follow it with: glustercli operation wait %s", id)
	})
}

// doOn is do for commands whose first argument is what they act on; errors name it as gluster does.
func (a *app) doOn(op string, f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return a.do(op+": "+args[0], f)(cmd, args)
	}
}

// connect makes the client from the flags, the environment and what is found on this host.
func (a *app) connect() error {
	if a.client != nil {
		return nil
	}
	cfg := client.Config{Endpoints: a.where(), User: a.user, CACert: a.cacert, Insecure: a.insecure, Timeout: a.timeout, Command: a.command}
	remote := slices.ContainsFunc(cfg.Endpoints, func(e string) bool { return !strings.HasPrefix(e, "unix:") })
	var err error
	if cfg.Secret, err = a.secret(remote); err != nil {
		return err
	}
	if remote && cfg.CACert == "" && !cfg.Insecure && readable(localCA) {
		cfg.CACert = localCA
	}
	cfg.Async, cfg.Follow = a.async, !a.async
	cfg.Progress = (&progress{a: a}).tell
	if a.debug {
		cfg.Observe = a.trace
	}
	a.client, err = client.New(cfg)
	return err
}

// where returns the endpoints: those of the flag, of the environment, or this host's.
func (a *app) where() []string {
	if len(a.endpoints) > 0 {
		return a.endpoints
	}
	var out []string
	for _, e := range strings.Split(a.Getenv(envEndpoints), ",") {
		if e = strings.TrimSpace(e); e != "" {
			out = append(out, e)
		}
	}
	if len(out) > 0 {
		return out
	}
	return []string{localSocket, faceSocket, localAddress}
}

// secret returns what signs the requests: from the file named, from the environment, or from this host's pool if a remote
// endpoint may ask for it. "" means that requests are not signed.
func (a *app) secret(remote bool) (string, error) {
	if a.secretFile != "" {
		b, err := os.ReadFile(a.secretFile)
		if err != nil {
			return "", api.FieldErrorf("secret-file", "the secret cannot be read: %v", err)
		}
		return strings.TrimSpace(string(b)), nil
	}
	if s := a.Getenv(envSecret); s != "" {
		return s, nil
	}
	if !remote {
		return "", nil
	}
	// Without the file this host is no peer, or the user is not root: the server will say that a secret is wanted.
	b, _ := os.ReadFile(localSecret)
	return strings.TrimSpace(string(b)), nil
}

func readable(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	_ = f.Close() // nothing was written
	return true
}
