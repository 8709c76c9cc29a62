package rest

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gd2/pkg/api"
)

// HeaderNext is the header with the cursor of the next page; the last page lacks it. The header Link (RFC 8288) has the
// whole URL.
const HeaderNext = "X-Gluster-Next"

// Parameters of lists. A list without a limit is answered whole, as glusterd2 did.
const (
	paramLimit  = "limit"
	paramCursor = "cursor"
	paramFields = "fields"
)

// Pages of lists.
const (
	defaultPage = 100 // of lists that are never answered whole
	maxPage     = 1000
	maxCursor   = 4096
)

// shaped adds to a row that shows something the parameters by which a client picks a part of it: pages of a list, and
// fields. What the row has of its own stays.
func shaped(row Route) Route {
	if row.changes() || row.response == nil || row.Access == Open {
		return row
	}
	add := func(p Param) {
		if !slices.ContainsFunc(row.Query, func(q Param) bool { return q.Name == p.Name }) {
			row.Query = append(slices.Clip(row.Query), p)
		}
	}
	if t := row.response; t.Kind() == reflect.Slice && !row.takes(paramLimit) {
		if row.Key == "" {
			row.Key = keyOf(t.Elem())
		}
		if row.Key != "" {
			add(Param{Name: paramLimit, Description: fmt.Sprintf("at most so many, 1 to %d; the header %s tells if there are more", maxPage, HeaderNext)})
			add(Param{Name: paramCursor, Description: "the " + HeaderNext + " of the page before"})
			row.pages = true
		}
	}
	if hasFields(row.response) {
		add(Param{Name: paramFields, Description: "only these fields of each object, separated by commas; a.b is field b of the objects in field a"})
	}
	return row
}

// takes tells whether the row has a query parameter.
func (row *Route) takes(name string) bool {
	return slices.ContainsFunc(row.Query, func(p Param) bool { return p.Name == name })
}

// keyOf is the JSON field that tells the elements of a list apart: the path of the first of those that are usual. A list
// of texts has itself.
func keyOf(t reflect.Type) string {
	if t.Kind() == reflect.String {
		return "."
	}
	if t.Kind() != reflect.Struct {
		return ""
	}
	for _, name := range []string{"id", "name", "brick-name", "key", "url", "file", "path"} {
		if slices.ContainsFunc(fieldsOf(t), func(f field) bool { return f.name == name }) {
			return name
		}
	}
	for _, f := range fieldsOf(t) {
		if f.name == "info" && f.typ.Kind() == reflect.Struct {
			if below := keyOf(f.typ); below != "" {
				return f.name + "." + below
			}
		}
	}
	return ""
}

// limit reads the parameter limit; none is whole.
func (r *Request) limit(whole int) (int, *api.Error) {
	if !r.Query.Has(paramLimit) {
		return whole, nil
	}
	n, err := strconv.Atoi(r.Query.Get(paramLimit))
	if err != nil || n < 1 || n > maxPage {
		return 0, api.FieldErrorf(paramLimit, "limit %q: use a number from 1 to %d", clip(r.Query.Get(paramLimit)), maxPage)
	}
	return n, nil
}

// more tells the client that there are more, and where.
func (r *Request) more(cursor string) {
	q := url.Values{}
	for name, values := range r.Query {
		q[name] = values
	}
	q.Set(paramCursor, cursor)
	next := url.URL{Path: r.path, RawQuery: q.Encode()}
	r.header.Set(HeaderNext, cursor)
	r.header.Set("Link", "<"+next.String()+`>; rel="next"`)
}

// page cuts a page out of a list. The cursor is the key of the last element of the page before: if that is gone, a list
// that is sorted by the key goes on with the next one, so that what comes and goes between two pages disturbs no other.
func (r *Request) page(row *Route, list reflect.Value) (reflect.Value, *api.Error) {
	limit, err := r.limit(list.Len())
	if err != nil {
		return list, err
	}
	from := 0
	if cursor := r.Query.Get(paramCursor); r.Query.Has(paramCursor) {
		if from = after(list, row.Key, cursor); from < 0 || len(cursor) > maxCursor {
			return list, api.FieldErrorf(paramCursor, "cursor %q is not, or no longer, in the list: begin anew without one", clip(cursor))
		}
	}
	to := min(from+limit, list.Len())
	if to < list.Len() {
		r.more(keyIn(list.Index(to-1), row.Key))
	}
	return list.Slice(from, to), nil
}

// after returns the index after the element with a key, or where it would be; -1 if that cannot be told.
func after(list reflect.Value, key, cursor string) int {
	sorted, place := true, list.Len()
	for i := range list.Len() {
		k := keyIn(list.Index(i), key)
		if k == cursor {
			return i + 1
		}
		if i > 0 && k < keyIn(list.Index(i-1), key) {
			sorted = false
		}
		if k > cursor && i < place {
			place = i
		}
	}
	if !sorted {
		return -1
	}
	return place
}

// keyIn returns the value at a path in an element.
func keyIn(v reflect.Value, path string) string {
	if path == "." {
		return v.String()
	}
	name, below, deeper := strings.Cut(path, ".")
	for _, f := range fieldsOf(v.Type()) {
		if f.name != name {
			continue
		}
		v = v.FieldByIndex(f.index)
		for v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		if deeper {
			return keyIn(v, below)
		}
		return fmt.Sprint(v.Interface())
	}
	return ""
}

// shape cuts the answer of a row that shows something as the client wants it.
func (r *Request) shape(row *Route, result any) (any, *api.Error) {
	if row.changes() || result == nil {
		return result, nil
	}
	v := reflect.ValueOf(result)
	if row.pages && v.Kind() == reflect.Slice {
		page, err := r.page(row, v)
		if err != nil {
			return nil, err
		}
		v = page
	}
	if r.Query.Has(paramFields) && row.takes(paramFields) {
		return r.pick(row, v)
	}
	return v.Interface(), nil
}

// pick leaves only the fields that the client wants.
func (r *Request) pick(row *Route, v reflect.Value) (any, *api.Error) {
	sel, err := parseFields(r.Query.Get(paramFields), row.response)
	if err != nil {
		return nil, err
	}
	text, fault := sel.append(nil, v)
	if fault != nil {
		return nil, api.Errorf(api.Internal, "the answer cannot be written as JSON: %v", fault)
	}
	return text, nil
}

// selected is the filter of lists of things with metadata.
func selected[T any](r *Request, list []T, metadata func(T) map[string]string) ([]T, error) {
	if !r.Query.Has("selector") {
		return list, nil
	}
	sel, err := api.ParseSelector(r.Query.Get("selector"))
	if err != nil {
		return nil, err
	}
	out := make([]T, 0, len(list))
	for _, e := range list {
		if sel.Match(metadata(e)) {
			out = append(out, e)
		}
	}
	return out, nil
}
