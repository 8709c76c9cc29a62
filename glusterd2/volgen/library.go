package volgen

import (
	"maps"
	"slices"
	"sync"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
)

// Source is where a Library finds the records that volfiles are made of. Its answers must not change in place: a
// changed volume is another pointer.
type Source interface {
	// Volume returns the record of a volume by name.
	Volume(name string) (*volume.Volume, bool)
	// Host returns the address by which clients reach a peer; empty if the peer is not known.
	Host(peerID string) string
	// Servers returns the volfile servers beside this one, as "host:24007".
	Servers() []string
	// PoolOptions returns the options that are set for all volumes.
	PoolOptions() map[string]string
}

// LibraryConfig is what a Library needs.
type LibraryConfig struct {
	Source Source
	Table  *xlator.Table
	// Dir is the directory of the daemon's volume files.
	Dir string
	// PeerID is this peer.
	PeerID string
	// SharedBricks counts the bricks of a volume that share the filesystem of a brick of this peer. Nil counts 1.
	SharedBricks func(v *volume.Volume, b volume.Brick) int
	// Coming returns a volume as it is about to become, with bricks that its record does not have yet: they are started
	// before the change is committed. Nil knows none.
	Coming func(volumeName string) (*volume.Volume, bool)
	// PidFile returns the pid file of a volume in this peer's self-heal daemon.
	PidFile func(volumeName string) string
	// Quota returns the started volumes that have quotas. Nil means none.
	Quota func() []*volume.Volume
}

// Library answers GETSPEC requests with the volfiles of the volumes that the source has. It remembers texts as long as
// what they are made of stays the same. It is safe for concurrent use.
type Library struct {
	c  LibraryConfig
	mu sync.Mutex
	// shelves holds the texts of each volume by the volume's name. Only keys that exist get in, so that requests for
	// nonsense cannot fill it.
	shelves map[string]*shelf
}

// shelf holds the texts of one volume and what they were made of.
type shelf struct {
	vol    *volume.Volume
	hosts  []string
	pool   map[string]string
	shared []int // nil until a brick's text was asked for
	texts  map[edition]string
}

// edition names one text of a volume.
type edition struct {
	kind    Kind
	brick   int
	trusted bool
}

// NewLibrary returns a library over a source.
func NewLibrary(c LibraryConfig) *Library {
	return &Library{c: c, shelves: map[string]*shelf{}}
}

// Spec returns the volfile that a key asks for. Volfiles with credentials (of bricks, of the self-heal daemon, and the
// trusted form for clients) go to local processes only: others get the untrusted form for clients and a Forbidden error
// for the rest. A key that names nothing is NotFound.
func (l *Library) Spec(key string, who Requester) (Spec, error) {
	to, err := resolve(key, l.find, l.host)
	if coming, ok := l.coming(key, err); ok {
		to, err = coming, nil
	}
	if err != nil {
		return Spec{}, err
	}
	if to.kind != KindClient && !who.Local {
		return Spec{}, api.Errorf(api.Forbidden,
			"the volfile %q carries credentials and is given to processes of this host only, not to %s", key, who.Addr)
	}
	if to.kind == KindQuotaDaemon {
		return l.quotaDaemon()
	}
	ed := edition{kind: to.kind, brick: to.brick, trusted: to.kind == KindClient && who.Local}
	spec := Spec{
		Text:            l.textOf(to, ed),
		Servers:         l.c.Source.Servers(),
		ClientOpVersion: ClientOpVersion(to.vol, l.c.Table),
	}
	if to.kind == KindSelfHeal && l.c.PidFile != nil {
		spec.PidFile = l.c.PidFile(to.vol.Name)
	}
	return spec, nil
}

// coming looks for a brick that is about to be added among those that no record has.
func (l *Library) coming(key string, err error) (target, bool) {
	if l.c.Coming == nil || !api.IsKind(err, api.NotFound) {
		return target{}, false
	}
	to, err := resolve(key, l.c.Coming, l.host)
	to.coming = true
	return to, err == nil && to.kind == KindBrick
}

// textOf returns the text for a target. That of a brick that is only coming is not kept.
func (l *Library) textOf(to target, ed edition) string {
	if to.coming {
		return l.write(to.vol, ed)
	}
	return l.text(to.vol, ed)
}

// quotaDaemon makes the volfile of the quota daemon. It is not remembered: one process of this host has it.
func (l *Library) quotaDaemon() (Spec, error) {
	text := ""
	if l.c.Quota != nil {
		text = QuotaDaemon(l.c.Quota(), l.params())
	}
	if text == "" {
		return Spec{}, api.Errorf(api.NotFound, "no volfile %q: no started volume has quotas", QuotaDaemonKey)
	}
	return Spec{Text: text, Servers: l.c.Source.Servers()}, nil
}

// find looks a volume up and forgets the texts of one that is gone.
func (l *Library) find(name string) (*volume.Volume, bool) {
	v, ok := l.c.Source.Volume(name)
	if !ok {
		l.mu.Lock()
		delete(l.shelves, name)
		l.mu.Unlock()
	}
	return v, ok
}

func (l *Library) text(v *volume.Volume, ed edition) string {
	now := l.facts(v, ed.kind == KindBrick)
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.shelves[v.Name]
	if s == nil || !s.fresh(now) {
		s = now
		s.texts = map[edition]string{}
		l.shelves[v.Name] = s
	}
	if now.shared != nil && !slices.Equal(s.shared, now.shared) {
		s.shared = now.shared
		maps.DeleteFunc(s.texts, func(ed edition, _ string) bool { return ed.kind == KindBrick })
	}
	if text, ok := s.texts[ed]; ok {
		return text
	}
	text := l.write(v, ed)
	s.texts[ed] = text
	return text
}

// facts collects all that the texts of a volume depend on; which bricks share a filesystem, for which the disks are asked,
// only for the texts that tell of it.
func (l *Library) facts(v *volume.Volume, bricks bool) *shelf {
	s := &shelf{vol: v, pool: l.c.Source.PoolOptions()}
	for _, b := range v.Bricks() {
		s.hosts = append(s.hosts, l.host(b.PeerID))
		if bricks {
			s.shared = append(s.shared, l.shared(v, b))
		}
	}
	return s
}

func (s *shelf) fresh(now *shelf) bool {
	return s.vol == now.vol && slices.Equal(s.hosts, now.hosts) && maps.Equal(s.pool, now.pool)
}

// host names an unknown peer by its id: clients then log whom they cannot reach.
func (l *Library) host(peerID string) string {
	if h := l.c.Source.Host(peerID); h != "" {
		return h
	}
	return peerID
}

// shared counts like glusterd: 0 for the bricks of other peers, whose filesystems this peer cannot see.
func (l *Library) shared(v *volume.Volume, b volume.Brick) int {
	switch {
	case b.PeerID != l.c.PeerID:
		return 0
	case l.c.SharedBricks == nil:
		return 1
	}
	return l.c.SharedBricks(v, b)
}

func (l *Library) write(v *volume.Volume, ed edition) string {
	o := l.params()
	switch ed.kind {
	case KindBrick:
		return Brick(v, ed.brick, o)
	case KindSelfHeal:
		return SelfHeal(v, o)
	case KindRebalance:
		return Rebalance(v, o)
	case KindBrickClient:
		return BrickClient(v, ed.brick, o)
	}
	return Client(v, o, ed.trusted)
}

func (l *Library) params() Params {
	return Params{
		Table: l.c.Table, Host: l.host, Pool: l.c.Source.PoolOptions(), SharedBricks: l.shared, Dir: l.c.Dir,
	}
}
