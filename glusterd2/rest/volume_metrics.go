package rest

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"gd2/pkg/api"
)

// volumeText writes what /metrics tells of each volume, in the text format of Prometheus. In a large pool these are a hundred thousand
// lines; through the client library they take several times as long.
type volumeText struct {
	cluster string
	volumes []api.VolumeStatus
	// bricks, sized and subvols are the labels of those that have samples, as text, and what the samples are.
	bricks, sized, subvols []sampled
	text                   []byte // of one family
}

// sampled is something with labels, and the values of its families in their order.
type sampled struct {
	labels string
	values [6]float64
}

// labels writes labels, which come in pairs of name and value, sorted by name.
func labels(pairs ...string) string {
	b := make([]byte, 0, 256)
	separator := byte('{')
	for i := 0; i < len(pairs); i += 2 {
		b = append(append(append(b, separator), pairs[i]...), '=', '"')
		b = append(append(b, escaped(pairs[i+1])...), '"')
		separator = ','
	}
	return string(append(b, '}'))
}

// escaped writes a value of a label as Prometheus reads it.
func escaped(s string) string {
	if strings.ContainsAny(s, "\\\"\n") {
		s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// write writes all families.
func (t *volumeText) write(w io.Writer) error {
	var volumes []sampled
	for i := range t.volumes {
		v := &t.volumes[i]
		bricks := 0
		for _, s := range v.Info.Subvols {
			bricks += len(s.Bricks)
		}
		volumes = append(volumes, sampled{labels("cluster_id", t.cluster, "volume", v.Info.Name), [6]float64{float64(bricks), truth(v.Online)}})
		t.look(v)
	}
	return errors.Join(t.families(w, volumes, "gluster_volume_brick_count", "Bricks of the volume.", "gluster_volume_up", "1 if every subvolume can serve clients."),
		t.families(w, t.bricks, "gluster_brick_up", "1 if the brick is online."),
		t.families(w, t.sized,
			"gluster_brick_capacity_used_bytes", "Bytes used on the brick's file system.",
			"gluster_brick_capacity_free_bytes", "Bytes free on the brick's file system.",
			"gluster_brick_capacity_bytes_total", "Size of the brick's file system.",
			"gluster_brick_inodes_total", "Inodes of the brick's file system.",
			"gluster_brick_inodes_free", "Inodes free on the brick's file system.",
			"gluster_brick_inodes_used", "Inodes used on the brick's file system."),
		t.families(w, t.subvols,
			"gluster_subvol_capacity_used_bytes", "Bytes used in the subvolume, as clients see it.",
			"gluster_subvol_capacity_total_bytes", "Size of the subvolume, as clients see it."))
}

// families writes families, given by name and help, of the values of some things.
func (t *volumeText) families(w io.Writer, of []sampled, named ...string) error {
	if len(of) == 0 {
		return nil
	}
	for f := 0; f < len(named); f += 2 {
		name := named[f]
		t.text = append(t.text[:0], "# HELP "+name+" "+named[f+1]+"\n# TYPE "+name+" gauge\n"...)
		for i := range of {
			t.text = append(append(append(t.text, name...), of[i].labels...), ' ')
			t.text = append(strconv.AppendFloat(t.text, of[i].values[f/2], 'g', -1, 64), '\n')
		}
		if _, err := w.Write(t.text); err != nil {
			return err
		}
	}
	return nil
}

// look notes what there is to tell of the bricks and the subvolumes of a volume.
func (t *volumeText) look(v *api.VolumeStatus) {
	sizes := map[string]api.SizeInfo{}
	for _, b := range v.Bricks {
		t.bricks = append(t.bricks, sampled{labels("brick_path", b.Info.Path, "cluster_id", t.cluster, "hostname", b.Info.Hostname,
			"peer_id", b.Info.PeerID, "pid", strconv.Itoa(b.Pid), "volume", v.Info.Name), [6]float64{truth(b.Online)}})
		if b.Size.Capacity == 0 { // not known: no figure is better than a wrong one
			continue
		}
		sizes[b.Info.ID] = b.Size
		t.sized = append(t.sized, sampled{labels("brick_path", b.Info.Path, "cluster_id", t.cluster, "host", b.Info.Hostname,
			"id", b.Info.ID, "subvolume", subvolOf(v, b.Info.ID), "volume", v.Info.Name),
			[6]float64{float64(b.Size.Used), float64(b.Size.Free), float64(b.Size.Capacity),
				float64(b.Inodes.Total), float64(b.Inodes.Free), float64(b.Inodes.Used)}})
	}
	// The room of the subvolumes whose bricks' figures are all known.
	for _, s := range v.Info.Subvols {
		if room, ok := subvolRoom(s, sizes); ok {
			t.subvols = append(t.subvols, sampled{labels("cluster_id", t.cluster, "subvolume", s.Name, "volume", v.Info.Name),
				[6]float64{float64(room.Used), float64(room.Capacity)}})
		}
	}
}

// subvolOf is the name of the subvolume that a brick is in.
func subvolOf(v *api.VolumeStatus, brickID string) string {
	for _, s := range v.Info.Subvols {
		if slices.ContainsFunc(s.Bricks, func(b api.BrickInfo) bool { return b.ID == brickID }) {
			return s.Name
		}
	}
	return ""
}

// subvolRoom is what clients can store in a subvolume: as much as its smallest brick, or that many times its data
// bricks where the data is dispersed. An arbiter holds no data.
func subvolRoom(s api.SubvolInfo, sizes map[string]api.SizeInfo) (room api.SizeInfo, ok bool) {
	for _, b := range s.Bricks {
		if b.Type == api.BrickTypeArbiter {
			continue
		}
		size, known := sizes[b.ID]
		if !known {
			return room, false
		}
		if !ok || size.Capacity < room.Capacity {
			room.Capacity = size.Capacity
		}
		room.Used = max(room.Used, size.Used)
		ok = true
	}
	if data := uint64(max(s.DisperseDataCount, 0)); data > 1 {
		room.Capacity *= data
		room.Used *= data
	}
	return room, ok
}
