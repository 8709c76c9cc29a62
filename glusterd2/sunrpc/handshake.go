package sunrpc

import (
	"context"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Names in the dictionaries of the handshake program.
const (
	dictMinOpVersion = "min-op-version"
	dictMaxOpVersion = "max-op-version"
	dictServers      = "cluster.brick-vol-servers"
	dictPidFile      = "pidfile"
	dictVolume       = "volname"
	dictVolumeID     = "volume_id"
	dictSnapCount    = "snap-count"
)

// getSpec hands out a volfile. On success the status is the length of the text, which the client relies on.
func getSpec(_ context.Context, c *conn, args *gfrpc.Reader) ([]byte, error) {
	flags, key := args.Uint32(), args.String(maxKey)
	data, err := gfrpc.ParseDict(args.Opaque(maxData))
	if args.Err() != nil {
		return nil, args.Err()
	}
	var spec Spec
	if err == nil {
		spec, err = c.spec(key, data)
	}
	if api.IsKind(err, api.Unavailable) {
		// A refusal would end a starting mount; a closed connection makes it try the next server, or again.
		return nil, err
	}
	if err != nil {
		c.log.WithField("key", key).WithError(err).Info("volfile refused")
		return status(err).String("").Opaque(nil).Bytes(), nil
	}
	w := new(gfrpc.Writer).Int32(int32(len(spec.Text))).Int32(0) // volfiles are kilobytes
	return w.String(spec.Text).Opaque(specData(flags, spec)).Bytes(), nil
}

// spec makes the volfile and remembers that this connection has it.
func (c *conn) spec(key string, data gfrpc.Dict) (Spec, error) {
	who := c.requester()
	if err := c.watch(key); err != nil {
		return Spec{}, err
	}
	spec, err := c.srv.cfg.Volfiles.Spec(key, who)
	if err == nil {
		err = checkOpVersion(data, spec.MinClientOpVersion)
	}
	if err != nil {
		c.unwatch(key)
		return Spec{}, err
	}
	c.served(key, spec.Text)
	return spec, nil
}

// checkOpVersion refuses a client to which the volume's options would mean nothing. Clients too old to say which
// versions they understand understand version 1.
func checkOpVersion(data gfrpc.Dict, want int) error {
	if want <= 0 {
		return nil
	}
	lowest, ok := data.Int(dictMinOpVersion)
	if !ok {
		lowest = 1
	}
	highest, ok := data.Int(dictMaxOpVersion)
	if !ok {
		highest = 1
	}
	if int64(want) < lowest || int64(want) > highest {
		return api.Errorf(api.NotSupported, "volume needs op-version %d, client understands %d to %d", want, lowest, highest)
	}
	return nil
}

func specData(flags uint32, spec Spec) []byte {
	d := gfrpc.Dict{}
	if flags&gfrpc.GetSpecFlagServers != 0 && len(spec.Servers) > 0 {
		// Each server is followed by a space, the last one too: so does glusterd.
		d.SetString(dictServers, strings.Join(spec.Servers, " ")+" ")
	}
	if spec.PidFile != "" {
		d.SetString(dictPidFile, spec.PidFile)
	}
	if len(d) == 0 {
		return nil
	}
	return d.Marshal()
}

// eventNotify takes a report of a process, such as the figures of a rebalance that ended.
func eventNotify(ctx context.Context, c *conn, args *gfrpc.Reader) ([]byte, error) {
	op := args.Int32()
	report, err := gfrpc.ParseDict(args.Opaque(maxData))
	if args.Err() != nil {
		return nil, args.Err()
	}
	if err == nil && !c.requester().Local {
		err = api.Errorf(api.Denied, "reports are taken from root of this host only")
	}
	if err == nil && c.srv.cfg.Events != nil {
		c.srv.cfg.Events(ctx, op, report)
	}
	return status(err).Opaque(nil).Bytes(), nil
}

// getVolumeInfo answers the id of a volume, for glfs_get_volumeid.
func getVolumeInfo(_ context.Context, c *conn, args *gfrpc.Reader) ([]byte, error) {
	return volumeCall(c, args, func(id string) gfrpc.Dict {
		return gfrpc.Strings(map[string]string{dictVolumeID: id})
	})
}

// getSnapshotInfo answers that a volume has no snapshots: gd2 does not make any yet.
func getSnapshotInfo(_ context.Context, c *conn, args *gfrpc.Reader) ([]byte, error) {
	return volumeCall(c, args, func(string) gfrpc.Dict {
		return gfrpc.Strings(map[string]string{dictSnapCount: "0"})
	})
}

// volumeCall answers a call whose argument is a dictionary that names a volume.
func volumeCall(c *conn, args *gfrpc.Reader, answer func(id string) gfrpc.Dict) ([]byte, error) {
	data, err := gfrpc.ParseDict(args.Opaque(maxData))
	if args.Err() != nil {
		return nil, args.Err()
	}
	var id string
	if err == nil {
		id, err = c.srv.cfg.Volumes.VolumeID(data.String(dictVolume))
	}
	if err != nil {
		return status(err).String(err.Error()).Opaque(nil).Bytes(), nil
	}
	return status(nil).String("").Opaque(answer(id).Marshal()).Bytes(), nil
}
