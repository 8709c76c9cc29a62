package rest

import (
	"encoding/json"
	"reflect"
	"strings"
)

// field is a member of a JSON object, as encoding/json sees the field of a Go struct.
type field struct {
	name      string
	typ       reflect.Type
	omitEmpty bool
	index     []int
}

// fieldsOf lists the JSON members of a struct, those of embedded structs in their place.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			for _, in := range fieldsOf(f.Type) {
				in.index = append([]int{i}, in.index...)
				out = append(out, in)
			}
		case f.IsExported():
			if name == "" {
				name = f.Name
			}
			omit := strings.Contains(","+opts+",", ",omitempty,")
			out = append(out, field{name: name, typ: f.Type, omitEmpty: omit, index: []int{i}})
		}
	}
	return out
}

// isFree tells whether any JSON may stand for the type.
func isFree(t reflect.Type) bool {
	return t == reflect.TypeFor[json.RawMessage]() || t.Kind() == reflect.Interface
}
