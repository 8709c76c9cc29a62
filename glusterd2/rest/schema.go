package rest

import (
	"fmt"
	"reflect"
)

// object is a JSON object of the OpenAPI document. encoding/json writes its members sorted, so the text is stable.
type object = map[string]any

// schemas makes the JSON schemas of the types that the table uses.
type schemas struct {
	// made are the schemas of the structs, by the name under which they stand in the document.
	made object
	// inputs are the structs that requests consist of. What gd2 refuses in a request is excluded in their schemas; those
	// of answers leave room for fields that a later version may add.
	inputs map[reflect.Type]bool
	names  map[string]reflect.Type
	err    error
}

func newSchemas() *schemas {
	return &schemas{made: object{}, inputs: map[reflect.Type]bool{}, names: map[string]reflect.Type{}}
}

// input marks the type, and all that it consists of, as part of a request.
func (s *schemas) input(t reflect.Type) {
	switch {
	case isFree(t):
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Map, t.Kind() == reflect.Pointer:
		s.input(t.Elem())
	case t.Kind() == reflect.Struct && !s.inputs[t]:
		s.inputs[t] = true
		for _, f := range fieldsOf(t) {
			s.input(f.typ)
		}
	}
}

// of returns the schema of a type; input says whether it stands in a request.
func (s *schemas) of(t reflect.Type, input bool) object {
	if isFree(t) {
		return object{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return object{"anyOf": []object{s.of(t.Elem(), input), {"type": "null"}}}
	case reflect.Slice:
		return object{"type": nullable("array", input), "items": s.of(t.Elem(), input)}
	case reflect.Map:
		return object{"type": nullable("object", input), "additionalProperties": s.of(t.Elem(), input)}
	case reflect.Struct:
		return s.ref(t)
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64, reflect.Float32:
		return object{"type": "number"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer", "format": "int64"}
	case reflect.Uint64:
		return object{"type": "integer", "format": "uint64", "minimum": 0}
	}
	s.err = fmt.Errorf("rest: no schema for the type %s", t)
	return object{}
}

// nullable is a type of which requests may also have null: Go clients write that for a list that they have not set.
func nullable(name string, input bool) any {
	if input {
		return []string{name, "null"}
	}
	return name
}

// ref returns a reference to the schema of a struct, which it makes if it is new.
func (s *schemas) ref(t reflect.Type) object {
	name := t.Name()
	if other, ok := s.names[name]; ok && other != t {
		s.err = fmt.Errorf("rest: two types are called %s: %s and %s", name, other, t)
	}
	if _, ok := s.names[name]; !ok {
		s.names[name] = t // before its fields, which may refer back to it
		s.made[name] = s.structure(t)
	}
	return object{"$ref": "#/components/schemas/" + name}
}

func (s *schemas) structure(t reflect.Type) object {
	input := s.inputs[t]
	props, required := object{}, []string{}
	for _, f := range fieldsOf(t) {
		props[f.name] = s.of(f.typ, input)
		if !f.omitEmpty && !input {
			required = append(required, f.name)
		}
	}
	out := object{"type": "object", "properties": props}
	if len(required) > 0 {
		out["required"] = required
	}
	if input {
		out["additionalProperties"] = false
	}
	return out
}

// require notes the fields that a request must have.
func (s *schemas) require(t reflect.Type, fields []string) {
	if made, ok := s.made[t.Name()].(object); ok && len(fields) > 0 {
		made["required"] = fields
	}
}
