package rest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"gd2/pkg/api"
)

// maxPicked bounds the fields that a client may name.
const maxPicked = 100

// selection is a tree of fields by their JSON names; nil stands for everything below.
type selection map[string]selection

// below returns the type of what the elements of lists and pointers are.
func below(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && !isFree(t) {
		t = t.Elem()
	}
	return t
}

// hasFields tells whether fields can be picked of a type.
func hasFields(t reflect.Type) bool {
	t = below(t)
	return t.Kind() == reflect.Struct && !t.Implements(reflect.TypeFor[json.Marshaler]())
}

// parseFields reads a list of fields, such as "name,subvols.name", against the type of the answer.
func parseFields(text string, t reflect.Type) (selection, *api.Error) {
	sel := selection{}
	paths := strings.Split(text, ",")
	if len(paths) > maxPicked {
		return nil, api.FieldErrorf(paramFields, "%d fields are too many: at most %d", len(paths), maxPicked)
	}
	for _, path := range paths {
		if err := sel.add(strings.TrimSpace(path), t); err != nil {
			return nil, err
		}
	}
	return sel, nil
}

// add checks one path and adds it. A path that is in the tree with everything below it stays so.
func (s selection) add(path string, t reflect.Type) *api.Error {
	at := s
	for rest, more := path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, ".")
		next, err := fieldType(t, name, path)
		if err != nil {
			return err
		}
		t = next
		known, there := at[name]
		switch {
		case !more:
			at[name] = nil
		case there && known == nil:
			return nil
		case !there:
			at[name] = selection{}
		}
		at = at[name]
	}
	return nil
}

// fieldType returns the type of a field. Maps have any.
func fieldType(t reflect.Type, name, path string) (reflect.Type, *api.Error) {
	t = below(t)
	if t.Kind() == reflect.Map && name != "" {
		return t.Elem(), nil
	}
	if !hasFields(t) {
		return nil, api.FieldErrorf(paramFields, "field %q: what is before %q has no fields", clip(path), clip(name))
	}
	var names []string
	for _, f := range fieldsOf(t) {
		if f.name == name {
			return f.typ, nil
		}
		names = append(names, f.name)
	}
	return nil, api.FieldErrorf(paramFields, "there is no field %q%s", clip(path), didYouMean(name, names))
}

// append writes what is selected of a value as JSON.
func (s selection) append(buf []byte, v reflect.Value) (json.RawMessage, error) {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case s == nil || v.Kind() == reflect.Pointer:
		text, err := json.Marshal(v.Interface())
		return append(buf, text...), err
	case v.Kind() == reflect.Slice:
		return s.list(buf, v)
	case v.Kind() == reflect.Map:
		return s.mapping(buf, v)
	}
	var members []member
	for _, f := range fieldsOf(v.Type()) {
		below, ok := s[f.name]
		if in := v.FieldByIndex(f.index); ok && (!f.omitEmpty || !in.IsZero()) {
			members = append(members, member{f.name, in, below})
		}
	}
	return writeObject(buf, members)
}

// member is a member of an object that is written.
type member struct {
	name  string
	value reflect.Value
	below selection
}

func writeObject(buf []byte, members []member) (json.RawMessage, error) {
	buf = append(buf, '{')
	for i, m := range members {
		if i > 0 {
			buf = append(buf, ',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return buf, err
		}
		if buf, err = m.below.append(append(append(buf, name...), ':'), m.value); err != nil {
			return buf, err
		}
	}
	return append(buf, '}'), nil
}

func (s selection) list(buf []byte, v reflect.Value) (_ json.RawMessage, err error) {
	buf = append(buf, '[')
	for i := range v.Len() {
		if i > 0 {
			buf = append(buf, ',')
		}
		if buf, err = s.append(buf, v.Index(i)); err != nil {
			return buf, err
		}
	}
	return append(buf, ']'), nil
}

func (s selection) mapping(buf []byte, v reflect.Value) (json.RawMessage, error) {
	var members []member
	for it := v.MapRange(); it.Next(); {
		if below, ok := s[it.Key().String()]; ok {
			members = append(members, member{it.Key().String(), it.Value(), below})
		}
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return writeObject(buf, members)
}
