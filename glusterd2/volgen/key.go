package volgen

import (
	"strings"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// Kind is what sort of process a volfile is for.
type Kind int

// The kinds of volfiles.
const (
	// KindClient is for mounts and other users of a volume.
	KindClient Kind = iota
	// KindBrick is for the process of one brick.
	KindBrick
	// KindSelfHeal is for the self-heal daemon.
	KindSelfHeal
	// KindRebalance is for the process that moves files between bricks.
	KindRebalance
	// KindQuotaDaemon is for the quota daemon, and of all volumes that have quotas.
	KindQuotaDaemon
	// KindBrickClient is for a process that talks to one brick only.
	KindBrickClient
)

// maxKey bounds what is looked at of a key: a volume's name, a host's name and a brick's path, each at its limit.
const maxKey = 255 + 1 + 255 + 1 + 4096

// ClientKey returns the key by which mounts fetch the volfile of a volume.
func ClientKey(volumeName string) string { return volumeName }

// BrickKey returns the key by which a brick fetches its volfile: VOL.HOST.PATH-WITH-DASHES. Host is the address or the
// id of the brick's peer; the id has the advantage that it never changes.
func BrickKey(volumeName, host, path string) string {
	return volumeName + "." + host + "." + volume.Dashes(path)
}

// SelfHealKey returns the key by which a self-heal daemon fetches the volfile of one volume.
func SelfHealKey(volumeName string) string { return "shd/" + volumeName }

// RebalanceKey returns the key by which a rebalance process fetches the volfile of its volume.
func RebalanceKey(volumeName string) string { return rebalancePrefix + volumeName }

const rebalancePrefix = "rebalance/"

// VolumeOf returns the name of the volume that a key is about, and whether it is about one alone.
func VolumeOf(key string) (string, bool) {
	for _, prefix := range []string{"shd/", "rebalance/", "/"} {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			key = rest
			break
		}
	}
	name, _, _ := strings.Cut(key, ".")
	return name, name != "" && !strings.Contains(name, "/")
}

// target is what a key asks for.
type target struct {
	kind  Kind
	vol   *volume.Volume
	brick int
	// coming is set for a brick that the volume's record does not have yet.
	coming bool
}

// resolve finds what a key asks for among the known volumes. Keys come from the network: they are compared with names
// that exist and never become part of a path.
func resolve(key string, find func(name string) (*volume.Volume, bool), host func(peerID string) string) (target, error) {
	if len(key) > maxKey {
		return target{}, api.FieldErrorf("key", "volfile key of %d bytes: at most %d are allowed", len(key), maxKey)
	}
	if name, ok := strings.CutPrefix(key, "shd/"); ok {
		v, ok := find(name)
		if !ok || !v.NeedsSelfHeal() {
			return target{}, noVolfile(key)
		}
		return target{kind: KindSelfHeal, vol: v}, nil
	}
	if name, ok := strings.CutPrefix(key, rebalancePrefix); ok {
		v, ok := find(name)
		if !ok {
			return target{}, noVolfile(key)
		}
		return target{kind: KindRebalance, vol: v}, nil
	}
	if key == QuotaDaemonKey {
		return target{kind: KindQuotaDaemon}, nil
	}
	kind, bare := KindBrick, strings.TrimPrefix(key, "/")
	if name, ok := strings.CutPrefix(key, perBrick); ok && strings.HasSuffix(name, ".vol") {
		kind, bare = KindBrickClient, strings.Replace(strings.TrimSuffix(name, ".vol"), ".client.", ".", 1)
	}
	name, rest, dotted := strings.Cut(bare, ".")
	v, ok := find(name)
	if !ok {
		return target{}, noVolfile(key)
	}
	if kind == KindBrick && (!dotted || rest == "tcp") {
		return target{kind: KindClient, vol: v}, nil
	}
	for i, b := range v.Bricks() {
		dashes := volume.Dashes(b.Path)
		if rest == b.PeerID+"."+dashes || rest == host(b.PeerID)+"."+dashes {
			return target{kind: kind, vol: v, brick: i}, nil
		}
	}
	return target{}, noVolfile(key)
}

func noVolfile(key string) error {
	const show = 200
	if len(key) > show {
		key = key[:show] + "…"
	}
	return api.Errorf(api.NotFound, "no volfile %q: it must be VOLUME, VOLUME.tcp, rebalance/VOLUME, shd/VOLUME (of a replicated or "+
		"dispersed volume), VOLUME.PEER.BRICK or client_per_brick/VOLUME.client.PEER.BRICK.vol of a volume that exists, or gluster/quotad", key)
}
