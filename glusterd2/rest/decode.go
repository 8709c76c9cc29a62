package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"gd2/pkg/api"
)

// maxDepth limits how deep the values of a body may be nested. The deepest request of glusterd2 has 6 levels.
const maxDepth = 32

// decode reads a JSON body into a new value of type t. It is stricter than encoding/json: a field that the type does not
// have, a name spelt in another case, a name given twice and text after the value are refused, each by name.
// An empty body and null are the zero value; whether that will do is decided by the fields required.
func decode(body []byte, t reflect.Type, requires []string) (reflect.Value, *api.Error) {
	into := reflect.New(t)
	if !utf8.Valid(body) {
		return into.Elem(), api.Errorf(api.Invalid, "the request body is not UTF-8 text")
	}
	seen := map[string]bool{}
	if len(bytes.TrimSpace(body)) > 0 {
		if err := check(body, t, seen); err != nil {
			return into.Elem(), err
		}
		if err := json.Unmarshal(body, into.Interface()); err != nil {
			return into.Elem(), api.Errorf(api.Invalid, "the request body does not fit %s: %v", t.Name(), err)
		}
	}
	for _, name := range requires {
		if !seen[name] {
			return into.Elem(), api.FieldErrorf(name, "the request body needs the field %q", name)
		}
	}
	return into.Elem(), nil
}

// check walks over the whole body; seen gets the names of the outermost object.
func check(body []byte, t reflect.Type, seen map[string]bool) *api.Error {
	c := &checker{dec: json.NewDecoder(bytes.NewReader(body)), outer: seen}
	c.dec.UseNumber()
	tok, err := c.next()
	if err != nil {
		return err
	}
	if tok != nil {
		if err := c.value(tok, t, ""); err != nil {
			return err
		}
	}
	switch _, err := c.dec.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	default:
		return api.Errorf(api.Invalid, "the request body has more text after the JSON value, at byte %d", c.dec.InputOffset())
	}
}

// checker compares a stream of JSON tokens with a Go type.
type checker struct {
	dec   *json.Decoder
	outer map[string]bool
	depth int
}

func (c *checker) next() (json.Token, *api.Error) {
	tok, err := c.dec.Token()
	switch {
	case err == nil:
		return tok, nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, api.Errorf(api.Invalid, "the request body is cut off: its JSON ends too early, at byte %d", c.dec.InputOffset())
	}
	return nil, api.Errorf(api.Invalid, "the request body is not JSON: %v, at byte %d", err, c.dec.InputOffset())
}

// value checks the value that begins with tok; path names it.
func (c *checker) value(tok json.Token, t reflect.Type, path string) *api.Error {
	if c.depth++; c.depth > maxDepth {
		return api.FieldErrorf(clip(path), "the request body is nested deeper than %d levels", maxDepth)
	}
	defer func() { c.depth-- }()
	if isFree(t) {
		return c.skip(tok)
	}
	switch t.Kind() {
	case reflect.Pointer:
		if tok == nil {
			return nil
		}
		return c.value(tok, t.Elem(), path)
	case reflect.Struct:
		return c.object(tok, t, path)
	case reflect.Map:
		return c.mapping(tok, t, path)
	case reflect.Slice:
		return c.list(tok, t, path)
	}
	return c.scalar(tok, t, path)
}

func (c *checker) object(tok json.Token, t reflect.Type, path string) *api.Error {
	if tok != json.Delim('{') {
		return mismatch(path, "an object", tok)
	}
	types, names := map[string]reflect.Type{}, []string{}
	for _, f := range fieldsOf(t) {
		types[f.name] = f.typ
		names = append(names, f.name)
	}
	return c.members(path, func(name string) (reflect.Type, *api.Error) {
		ft, ok := types[name]
		if !ok {
			return nil, unknown(path, name, names)
		}
		return ft, nil
	})
}

func (c *checker) mapping(tok json.Token, t reflect.Type, path string) *api.Error {
	if tok == nil {
		return nil
	}
	if tok != json.Delim('{') {
		return mismatch(path, "an object", tok)
	}
	return c.members(path, func(string) (reflect.Type, *api.Error) { return t.Elem(), nil })
}

// members checks the members of an object, up to its closing brace.
func (c *checker) members(path string, typeOf func(name string) (reflect.Type, *api.Error)) *api.Error {
	seen := map[string]bool{}
	if path == "" && c.depth == 1 {
		seen = c.outer
	}
	for {
		tok, err := c.next()
		if err != nil {
			return err
		}
		name, ok := tok.(string)
		if !ok { // the closing brace: the decoder lets nothing else stand here
			return nil
		}
		at := join(path, name)
		if seen[name] {
			return api.FieldErrorf(clip(at), "%q is given twice", clip(at))
		}
		seen[name] = true
		t, err := typeOf(name)
		if err != nil {
			return err
		}
		if tok, err = c.next(); err != nil {
			return err
		}
		if err := c.value(tok, t, at); err != nil {
			return err
		}
	}
}

func (c *checker) list(tok json.Token, t reflect.Type, path string) *api.Error {
	if tok == nil {
		return nil
	}
	if tok != json.Delim('[') {
		return mismatch(path, "a list", tok)
	}
	for i := 0; ; i++ {
		tok, err := c.next()
		if err != nil {
			return err
		}
		if tok == json.Delim(']') {
			return nil
		}
		if err := c.value(tok, t.Elem(), path+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
}

// skip passes over a value of any shape.
func (c *checker) skip(tok json.Token) *api.Error {
	depth := 0
	for {
		switch tok {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		if depth > maxDepth {
			return api.Errorf(api.Invalid, "the request body is nested deeper than %d levels", maxDepth)
		}
		var err *api.Error
		if tok, err = c.next(); err != nil {
			return err
		}
	}
}

func (c *checker) scalar(tok json.Token, t reflect.Type, path string) *api.Error {
	num, isNum := tok.(json.Number)
	switch t.Kind() {
	case reflect.String:
		if _, ok := tok.(string); !ok {
			return mismatch(path, "a string", tok)
		}
	case reflect.Bool:
		if _, ok := tok.(bool); !ok {
			return mismatch(path, "true or false", tok)
		}
	case reflect.Float64, reflect.Float32:
		if !isNum {
			return mismatch(path, "a number", tok)
		}
		if _, err := num.Float64(); err != nil {
			return mismatch(path, "a number that fits 64 bits", tok)
		}
	case reflect.Int, reflect.Int64:
		if _, err := strconv.ParseInt(num.String(), 10, 64); !isNum || err != nil {
			return mismatch(path, "a whole number", tok)
		}
	case reflect.Uint64:
		if _, err := strconv.ParseUint(num.String(), 10, 64); !isNum || err != nil {
			return mismatch(path, "a whole number of 0 or more", tok)
		}
	default:
		return api.Errorf(api.Internal, "the field %q has a type that no request may have: %s", path, t)
	}
	return nil
}

// mismatch is the error for a value of the wrong type.
func mismatch(path, want string, tok json.Token) *api.Error {
	got := "null"
	switch v := tok.(type) {
	case json.Delim:
		got = map[json.Delim]string{'{': "an object", '[': "a list"}[v]
	case string:
		got = "the string " + strconv.Quote(clip(v))
	case json.Number:
		got = "the number " + clip(v.String())
	case bool:
		got = strconv.FormatBool(v)
	}
	if path == "" {
		return api.Errorf(api.Invalid, "the request body must be %s, not %s", want, got)
	}
	return api.FieldErrorf(clip(path), "%q must be %s, not %s", clip(path), want, got)
}

// unknown is the error for a member that the object does not have.
func unknown(path, name string, names []string) *api.Error {
	where := "the request body"
	if path != "" {
		where = strconv.Quote(clip(path))
	}
	return api.FieldErrorf(clip(join(path, name)), "%s has no field %q%s", where, clip(name), didYouMean(name, names))
}

func join(path, name string) string {
	return strings.TrimPrefix(path+"."+name, ".")
}
