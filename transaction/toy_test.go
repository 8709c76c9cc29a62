package transaction_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// TestMain looks for goroutines that are left. Idle connections between members of an etcd cluster outlive both by
// etcd's read timeout of five seconds, so it looks more than once: each look of goleak is one of about two seconds.
func TestMain(m *testing.M) {
	code := m.Run()
	leaked := goleak.Find()
	for i := 0; leaked != nil && i < 5; i++ {
		leaked = goleak.Find()
	}
	if leaked != nil && code == 0 {
		fmt.Fprintln(os.Stderr, leaked)
		code = 1
	}
	os.Exit(code)
}

// toy is a small world: each peer has a directory, and a thing is a directory with a file in it on every peer, a flag
// on the first, and a record in the store.
type toy struct {
	root  string
	fault string // what is wrong with its operations, if anything: see TestSweepFindsFaults
}

type thing struct {
	Name  string `json:"name"`
	ID    string `json:"id"`
	Flag  string `json:"flag"`
	Sizes int    `json:"sizes"`
}

var things = store.NewKind[thing](store.PrefixVolumes, 1)

var size = transaction.NewOutput[int]("size")

func (w toy) dir(peer, name string) string { return filepath.Join(w.root, peer, name) }

// make creates the directory, with a mark that tells whose it is from its first moment.
func (w toy) make(_ context.Context, c *transaction.Call, p thing) error {
	dir, fresh := w.dir(c.PeerID, p.Name), w.dir(c.PeerID, ".fresh-"+p.ID)
	if w.owns(c.PeerID, p) && w.fault != "do only once" {
		return nil
	}
	if err := os.MkdirAll(fresh, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(fresh, "id"), []byte(p.ID), 0o644); err != nil {
		return err
	}
	err := os.Rename(fresh, dir)
	if errors.Is(err, fs.ErrExist) {
		return api.Errorf(api.Exists, "%s exists on peer %s", p.Name, c.PeerID)
	}
	return err
}

// effects is the same effect on a part of the thing, on each peer.
func (w toy) effects(action, part string) func(p thing, peer string) []api.Effect {
	return func(p thing, peer string) []api.Effect {
		return []api.Effect{{Action: action, Kind: api.OnFile, Name: w.dir(peer, p.Name) + part}}
	}
}

func (w toy) owns(peer string, p thing) bool {
	id, err := os.ReadFile(filepath.Join(w.dir(peer, p.Name), "id"))
	return err == nil && string(id) == p.ID
}

func (w toy) unmake(_ context.Context, c *transaction.Call, p thing) error {
	if w.fault == "undo forgets" {
		return nil
	}
	if w.fault == "undo needs a do" && !w.owns(c.PeerID, p) {
		return fmt.Errorf("there is no %s", p.Name)
	}
	if err := os.RemoveAll(w.dir(c.PeerID, ".fresh-"+p.ID)); err != nil || !w.owns(c.PeerID, p) {
		return err
	}
	return os.RemoveAll(w.dir(c.PeerID, p.Name))
}

func (w toy) fill(_ context.Context, c *transaction.Call, p thing) error {
	if p.Name == "panic" {
		panic("a fault of the program")
	}
	size.Set(c, 7)
	c.Progress(1, 2, "files")
	return os.WriteFile(filepath.Join(w.dir(c.PeerID, p.Name), "data"), []byte("data of "+p.Name), 0o644)
}

func (w toy) empty(_ context.Context, c *transaction.Call, p thing) error {
	return gone(os.Remove(filepath.Join(w.dir(c.PeerID, p.Name), "data")))
}

func (w toy) flag(_ context.Context, c *transaction.Call, p thing) error {
	return os.WriteFile(w.dir(c.PeerID, p.Name+".flag"), []byte(p.ID), 0o644)
}

func (w toy) unflag(_ context.Context, c *transaction.Call, p thing) error {
	return gone(os.Remove(w.dir(c.PeerID, p.Name+".flag")))
}

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (w toy) create() transaction.Operation[thing, thing] {
	return transaction.Operation[thing, thing]{
		Name: "thing.create", Version: 1,
		Steps: []transaction.Step[thing]{
			{Name: "make", Do: w.make, Undo: w.unmake, Effects: w.effects(api.ActionCreate, "")},
			{Name: "fill", Do: w.fill, Undo: w.empty, Effects: w.effects(api.ActionCreate, "/data")},
			{Name: "flag", Peers: func(p thing) []string { return []string{p.Flag} }, Do: w.flag, Undo: w.unflag,
				Effects: w.effects(api.ActionCreate, ".flag")},
		},
		Commit: func(p thing, outs transaction.Outputs) ([]store.Write, []store.Guard, thing, error) {
			for peer := range outs {
				n, _ := size.Get(outs, peer)
				p.Sizes += n
			}
			return []store.Write{things.Create(p.Name, p)}, nil, p, nil
		},
	}
}

// doomed is a thing to be deleted.
type doomed struct {
	thing
	Revision int64 `json:"revision"`
}

// remove takes a thing away: it is moved aside, which can be undone, and then removed, which cannot.
func (w toy) remove() transaction.Operation[doomed, string] {
	aside := func(peer string, p doomed) string { return w.dir(peer, ".aside-"+p.ID) }
	move := func(from, to string) error {
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return os.Rename(from, to)
	}
	return transaction.Operation[doomed, string]{
		Name: "thing.remove", Version: 1, Pivot: 1,
		Steps: []transaction.Step[doomed]{
			{
				Name: "aside",
				Do: func(_ context.Context, c *transaction.Call, p doomed) error {
					size.Set(c, 1)
					return move(w.dir(c.PeerID, p.Name), aside(c.PeerID, p))
				},
				Undo: func(_ context.Context, c *transaction.Call, p doomed) error {
					return move(aside(c.PeerID, p), w.dir(c.PeerID, p.Name))
				},
				Effects: func(p doomed, peer string) []api.Effect { return w.effects(api.ActionChange, "")(p.thing, peer) },
			},
			{Name: "remove", Effects: func(p doomed, peer string) []api.Effect {
				return w.effects(api.ActionDestroy, "")(p.thing, peer)
			}, Do: func(ctx context.Context, c *transaction.Call, p doomed) error {
				return errors.Join(os.RemoveAll(aside(c.PeerID, p)), w.unflag(ctx, c, p.thing))
			}},
		},
		Commit: func(p doomed, outs transaction.Outputs) ([]store.Write, []store.Guard, string, error) {
			if len(outs) == 0 {
				return nil, nil, "", errors.New("the outputs of the steps before the pivot are lost")
			}
			return []store.Write{things.Delete(p.Name, p.Revision)}, nil, p.ID, nil
		},
	}
}

type handles struct {
	create transaction.Handle[thing, thing]
	remove transaction.Handle[doomed, string]
}

func (w toy) register() (*transaction.Registry, handles) {
	r := transaction.NewRegistry()
	return r, handles{transaction.Register(r, w.create()), transaction.Register(r, w.remove())}
}

func (w toy) registry(string) *transaction.Registry {
	r, _ := w.register()
	return r
}

// text describes what there is of one thing, without names and ids that differ from thing to thing.
func (w toy) text(s *store.Store, p thing) string {
	var b strings.Builder
	_ = filepath.WalkDir(w.root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && (strings.Contains(path, p.Name) || strings.Contains(path, p.ID)) {
			data, _ := os.ReadFile(path)
			fmt.Fprintf(&b, "%s %s\n", strings.TrimPrefix(path, w.root), data)
		}
		return nil
	})
	if rec, ok, err := things.Get(s, p.Name); ok || err != nil {
		fmt.Fprintf(&b, "record %+v %v\n", rec.Value, err)
	}
	return strings.NewReplacer(p.Name, "NAME", p.ID, "ID").Replace(b.String())
}

// newToy is a pool whose operations are the toy's.
func newToy(t testing.TB, cfg transactiontest.Config) (toy, handles, *transactiontest.Pool) {
	w := toy{root: t.TempDir()}
	_, h := w.register()
	cfg.Registry = w.registry
	return w, h, transactiontest.NewPool(t, cfg)
}

func (w toy) planCreate(p thing, peers []string) transaction.Plan[thing] {
	return transaction.Plan[thing]{
		Params: p, Peers: peers, Locks: []string{"thing/" + p.Name},
		Guards: []store.Guard{things.MustBeAbsent(p.Name)},
	}
}

// hold makes the peers wait in a step, from inside on until release.
func hold(pool *transactiontest.Pool, step string) (inside <-chan struct{}, release func()) {
	in, out := make(chan struct{}), make(chan struct{})
	arrive := sync.OnceFunc(func() { close(in) })
	pool.Around(func(ctx context.Context, _ string, s transaction.StepInfo, do func(context.Context) error) error {
		if s.Step == step {
			arrive()
			<-out
		}
		return do(ctx)
	})
	return in, func() { close(out) }
}
