package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"gd2/pkg/api"
	"gd2/store"
)

// Headers of conditional requests (RFC 9110, 13.1).
const (
	headerETag        = "ETag"
	headerIfMatch     = "If-Match"
	headerIfNoneMatch = "If-None-Match"
)

// expectation reads what a request expects of the record that it is about. A change is refused if it cannot be made to
// depend on that.
func expectation(req *http.Request, row *Route) (*store.Expectation, *api.Error) {
	e := &store.Expectation{}
	match, none := req.Header.Values(headerIfMatch), req.Header.Values(headerIfNoneMatch)
	if !row.Conditional {
		if row.changes() && len(match)+len(none) > 0 {
			return e, api.Errorf(api.Invalid, "%s %s cannot be made to depend on the state of what it changes: leave %s and %s out",
				row.Method, row.Path, headerIfMatch, headerIfNoneMatch)
		}
		return e, nil
	}
	var err *api.Error
	if len(match) > 0 {
		if e.Revisions, e.Exists, err = revisions(headerIfMatch, match); err != nil {
			return e, err
		}
	}
	if len(none) == 0 || !row.changes() {
		return e, nil
	}
	if tags, every, err := revisions(headerIfNoneMatch, none); err != nil || !every || len(tags) > 0 {
		return e, api.FieldErrorf(headerIfNoneMatch, "%s of a change must be *: it is made only if there is nothing yet", headerIfNoneMatch)
	}
	e.Absent = true
	return e, nil
}

// revisions reads a list of tags: the revisions that they were made of, or whether it is "*". Tags that are weak match
// nothing here.
func revisions(header string, values []string) (revs []int64, every bool, err *api.Error) {
	list := strings.Split(strings.Join(values, ","), ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	if slices.Equal(list, []string{"*"}) {
		return nil, true, nil
	}
	revs = []int64{}
	for _, tag := range list {
		if tag == "" || strings.HasPrefix(tag, "W/") {
			continue
		}
		rev, ok := revisionOf(tag)
		if !ok {
			return nil, false, api.FieldErrorf(header, `%s: %q is no tag of gd2: use the ETag of an answer, with its quotes, or *`, header, clip(tag))
		}
		revs = append(revs, rev)
	}
	return revs, false, nil
}

// tagOf makes the tag of an answer: the revision of the record that it is made of, and a hash of the answer itself, which
// also tells what does not come from that record.
func tagOf(rev int64, body []byte) string { return fmt.Sprintf(`"%d-%016x"`, rev, xxhash.Sum64(body)) }

// revisionOf returns the revision in a tag.
func revisionOf(tag string) (int64, bool) {
	inner, quoted := strings.CutPrefix(tag, `"`)
	inner, ended := strings.CutSuffix(inner, `"`)
	text, _, hashed := strings.Cut(inner, "-")
	rev, err := strconv.ParseInt(text, 10, 64)
	return rev, quoted && ended && hashed && err == nil && rev >= 0
}

// tag gives an answer its tag, and tells whether the client has that very answer already.
func (r *Request) tag(req *http.Request, row *Route, body []byte) (has bool) {
	rev, known := r.expected.Revision()
	if !row.Conditional || !known || r.planned(row) {
		return false
	}
	tag := tagOf(rev, body)
	r.header.Set(headerETag, tag)
	r.header.Set("Cache-Control", "private, no-cache")
	if row.changes() || r.status != http.StatusOK {
		return false
	}
	list := strings.Split(strings.Join(req.Header.Values(headerIfNoneMatch), ","), ",")
	return slices.ContainsFunc(list, func(s string) bool {
		s = strings.TrimPrefix(strings.TrimSpace(s), "W/")
		return s == tag || s == "*"
	})
}

// conditionalHeaders adds the headers of a conditional row to its parameters in the document.
func conditionalHeaders(row *Route) []object {
	if !row.Conditional {
		return nil
	}
	header := func(name, what string) object {
		return object{"name": name, "in": "header", "description": what, "schema": object{"type": "string"}}
	}
	if row.changes() {
		return []object{
			header(headerIfMatch, "the change is made only if what it changes is still as it was in the answer with this ETag; * if it exists"),
			header(headerIfNoneMatch, "*: the change is made only if there is nothing yet"),
		}
	}
	return []object{
		header(headerIfMatch, "an answer is wanted only if the record is still as it was in the answer with this ETag"),
		header(headerIfNoneMatch, "the ETag of the answer that the client has: 304 if it is still right"),
	}
}

// conditionalAnswers adds the answers of a conditional row to the document.
func conditionalAnswers(row *Route, out object) {
	if !row.Conditional {
		return
	}
	if ok, is := out[strconv.Itoa(row.Status)].(object); is && row.response != nil {
		ok["headers"].(object)[headerETag] = object{"$ref": "#/components/headers/" + headerETag}
	}
	if !row.changes() {
		out["304"] = response("The client has this answer already.", nil)
	}
}
