package rest

import (
	"reflect"
	"sync"
)

// filler puts empty lists and objects where Go has nil ones, because encoding/json writes those as null, and clients in
// other languages stumble over a null where they look for a list. What omitempty leaves out stays out.
// The values are shared with the cache of the store, so whatever has to change is copied first.
type filler struct {
	// known remembers for each type whether its values can hold a nil list or map at all, concerned for each struct
	// the fields that can.
	known, concerned sync.Map
}

// fill returns v, or a copy of it without nil lists and maps.
func (f *filler) fill(v any) any {
	rv := reflect.ValueOf(v)
	if !rv.IsValid() || !f.concerns(rv.Type()) {
		return v
	}
	return f.value(rv).Interface()
}

func (f *filler) value(v reflect.Value) reflect.Value {
	t := v.Type()
	switch {
	case isFree(t) || !f.concerns(t):
		return v
	case t.Kind() == reflect.Slice && v.IsNil():
		return reflect.MakeSlice(t, 0, 0)
	case t.Kind() == reflect.Map && v.IsNil():
		return reflect.MakeMap(t)
	case t.Kind() == reflect.Slice:
		return f.elements(v)
	case t.Kind() == reflect.Map:
		return f.entries(v)
	case t.Kind() == reflect.Struct:
		return f.members(v)
	case t.Kind() == reflect.Pointer && !v.IsNil():
		return f.target(v)
	}
	return v
}

func (f *filler) elements(v reflect.Value) reflect.Value {
	if !f.concerns(v.Type().Elem()) {
		return v
	}
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	for i := range v.Len() {
		out.Index(i).Set(f.value(v.Index(i)))
	}
	return out
}

func (f *filler) entries(v reflect.Value) reflect.Value {
	if !f.concerns(v.Type().Elem()) {
		return v
	}
	out := reflect.MakeMapWithSize(v.Type(), v.Len())
	for it := v.MapRange(); it.Next(); {
		out.SetMapIndex(it.Key(), f.value(it.Value()))
	}
	return out
}

func (f *filler) members(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	for _, m := range f.fields(v.Type()) {
		in := v.FieldByIndex(m.index)
		if m.omitEmpty && in.IsZero() {
			continue
		}
		out.FieldByIndex(m.index).Set(f.value(in))
	}
	return out
}

func (f *filler) target(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type().Elem())
	out.Elem().Set(f.value(v.Elem()))
	return out
}

func (f *filler) fields(t reflect.Type) []field {
	if known, ok := f.concerned.Load(t); ok {
		return known.([]field)
	}
	var out []field
	for _, m := range fieldsOf(t) {
		if f.concerns(m.typ) {
			out = append(out, m)
		}
	}
	f.concerned.Store(t, out)
	return out
}

// concerns tells whether values of the type can hold a nil list or map.
func (f *filler) concerns(t reflect.Type) bool {
	if known, ok := f.known.Load(t); ok {
		return known.(bool)
	}
	c := holdsNil(t, map[reflect.Type]bool{})
	f.known.Store(t, c)
	return c
}

func holdsNil(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] || isFree(t) {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		return true
	case reflect.Pointer:
		return holdsNil(t.Elem(), seen)
	case reflect.Struct:
		for _, m := range fieldsOf(t) {
			if holdsNil(m.typ, seen) {
				return true
			}
		}
	}
	return false
}
