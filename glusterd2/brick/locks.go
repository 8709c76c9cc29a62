package brick

import (
	"context"
	"sync"

	"gd2/pkg/api"
)

// Locks are locks by volume name within this process: a step of a transaction that changes a volume's bricks holds its
// volume's lock alone, while the supervision of single bricks shares it. The zero value is ready for use.
type Locks struct {
	mu    sync.Mutex
	names map[string]*lock
}

// lock counts its holders: -1 is one that holds it alone. changed is closed and replaced when a holder leaves.
type lock struct {
	holders, waiting int
	changed          chan struct{}
}

// Lock waits until nobody else holds the volume's lock and takes it. The error is an *api.Error of kind Timeout.
func (l *Locks) Lock(ctx context.Context, volumeName string) (unlock func(), err error) {
	return l.take(ctx, volumeName, -1)
}

// Share waits until nobody holds the volume's lock alone and takes a share of it.
func (l *Locks) Share(ctx context.Context, volumeName string) (unlock func(), err error) {
	return l.take(ctx, volumeName, 1)
}

func (l *Locks) take(ctx context.Context, name string, n int) (func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.names == nil {
		l.names = map[string]*lock{}
	}
	k := l.names[name]
	if k == nil {
		k = &lock{changed: make(chan struct{})}
		l.names[name] = k
	}
	for k.holders < 0 || (n < 0 && k.holders > 0) {
		changed := k.changed
		k.waiting++
		l.mu.Unlock()
		var err error
		select {
		case <-changed:
		case <-ctx.Done():
			err = api.Errorf(api.Timeout, "the bricks of volume %s stayed busy on this peer: %v", name, ctx.Err())
		}
		l.mu.Lock()
		k.waiting--
		if err != nil {
			l.tidy(name, k)
			return nil, err
		}
	}
	k.holders += n
	return sync.OnceFunc(func() { l.drop(name, k, n) }), nil
}

func (l *Locks) drop(name string, k *lock, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k.holders -= n
	close(k.changed)
	k.changed = make(chan struct{})
	l.tidy(name, k)
}

// tidy forgets a lock that nobody has or wants.
func (l *Locks) tidy(name string, k *lock) {
	if k.holders == 0 && k.waiting == 0 {
		delete(l.names, name)
	}
}
