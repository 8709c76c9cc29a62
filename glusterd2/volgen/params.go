package volgen

import (
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
)

// Params are the facts that a volfile needs beside the volume's own record.
type Params struct {
	// Table is the option table; required.
	Table *xlator.Table
	// Host gives the address by which clients reach a peer; required.
	Host func(peerID string) string
	// Pool holds the options that are set for all volumes.
	Pool map[string]string
	// SharedBricks counts the bricks of the volume that share the brick's filesystem, itself included, so that the
	// brick reports its part of the size. Nil counts 1.
	SharedBricks func(v *volume.Volume, b volume.Brick) int
	// Dir is the directory of the daemon's volume files; bricks keep the marker's timestamp below it.
	Dir string
}

// settings are the options of one volume: what it set, over what the pool set, over what volfiles always carry.
type settings struct {
	table  *xlator.Table
	volume map[string]string
	pool   map[string]string
	// over wins against all of them.
	over map[string]string
}

func (o Params) settings(v *volume.Volume) settings {
	return settings{table: o.Table, volume: v.Options, pool: o.Pool}
}

// set returns the value that somebody chose for a key.
func (s settings) set(key string) (string, bool) {
	for _, m := range []map[string]string{s.over, s.volume, s.pool} {
		if val, ok := m[key]; ok {
			return val, true
		}
	}
	return "", false
}

// get returns the value of a key, or fallback if nobody chose one.
func (s settings) get(key, fallback string) string {
	if val, ok := s.set(key); ok {
		return val
	}
	return fallback
}

// on reports whether a boolean option is on.
func (s settings) on(key string, fallback bool) bool {
	val, ok := s.set(key)
	if !ok {
		return fallback
	}
	on, ok := xlator.ParseBool(val)
	if !ok {
		return fallback
	}
	return on
}

// each calls fn for every row of the table that has a value, chosen or always written, in the table's order.
func (s settings) each(fn func(r *xlator.Row, value string)) {
	rows := s.table.Rows()
	for i := range rows {
		r := &rows[i]
		if val, ok := s.set(r.Key); ok {
			fn(r, val)
		} else if r.Written != nil {
			fn(r, *r.Written)
		}
	}
}
