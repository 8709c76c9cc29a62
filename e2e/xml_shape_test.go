package e2e

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// shape is what stays of an XML element when its values are left out: its name, its attributes, the kinds of values that it
// has, and its children. Children of one name that follow each other count as one, which has what all of them have.
type shape struct {
	name     string
	attrs    []string
	kinds    map[string]bool
	children []*shape
}

func (s *shape) merge(o *shape) {
	for k := range o.kinds {
		s.kinds[k] = true
	}
	for _, c := range o.children {
		i := slices.IndexFunc(s.children, func(x *shape) bool { return x.name == c.name })
		if i < 0 {
			s.children = append(s.children, c)
			continue
		}
		s.children[i].merge(c)
	}
}

var (
	isUUID  = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	isFloat = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
)

// kindOf tells what sort of a value a text is.
func kindOf(text string) string {
	text = strings.TrimSpace(text)
	_, err := strconv.ParseInt(text, 10, 64)
	switch {
	case text == "":
		return ""
	case err == nil:
		return "number"
	case isUUID.MatchString(text):
		return "uuid"
	case isFloat.MatchString(text):
		return "decimal"
	}
	return "text"
}

// shapeOf reads a document.
func shapeOf(text string) (*shape, error) {
	dec := xml.NewDecoder(strings.NewReader(text))
	stack := []*shape{{kinds: map[string]bool{}}}
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return stack[0], nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w in %q", err, text)
		}
		top := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			s := &shape{name: tok.Name.Local, kinds: map[string]bool{}}
			for _, a := range tok.Attr {
				s.attrs = append(s.attrs, a.Name.Local)
			}
			stack = append(stack, s)
		case xml.CharData:
			if k := kindOf(string(tok)); k != "" {
				top.kinds[k] = true
			}
		case xml.EndElement:
			stack = stack[:len(stack)-1]
			parent := stack[len(stack)-1]
			if n := len(parent.children); n > 0 && parent.children[n-1].name == top.name {
				parent.children[n-1].merge(top)
			} else {
				parent.children = append(parent.children, top)
			}
		}
	}
}

// allow takes from a shape the kinds of values that another, which has some of them, does not have.
func (s *shape) allow(o *shape) {
	kinds := maps.Clone(s.kinds)
	maps.DeleteFunc(kinds, func(k string, _ bool) bool { return !o.kinds[k] })
	if len(kinds) == len(o.kinds) && len(kinds) > 0 {
		s.kinds = kinds
	}
	for i := range min(len(s.children), len(o.children)) {
		s.children[i].allow(o.children[i])
	}
}

// lines writes a shape down, one element a line. The values of options are of many kinds, which say nothing.
func (s *shape) lines(indent string) []string {
	kinds := make([]string, 0, len(s.kinds))
	for k := range s.kinds {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	if s.name == "value" || s.name == "Value" || s.name == "opErrno" {
		kinds = []string{"any"}
	}
	out := []string{fmt.Sprint(indent, s.name, s.attrs, kinds)}
	for _, c := range s.children {
		out = append(out, c.lines(indent+"  ")...)
	}
	return out
}

// sameShape compares an XML document with one of testdata/gluster, which the command printed with glusterd 10.3. Values
// need not be of all the kinds that are there.
func (p pool) sameShape(what, got, like string) {
	p.t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", "gluster", like+".xml"))
	p.must(err)
	ours, err := shapeOf(got)
	if err != nil {
		p.t.Errorf("%s: %v", what, err)
		return
	}
	theirs, err := shapeOf(string(want))
	p.must(err)
	theirs.allow(ours)
	if diff := cmp.Diff(theirs.lines(""), ours.lines("")); diff != "" {
		p.t.Errorf("%s is not printed as with glusterd (-glusterd +gd2):\n%s", what, diff)
	}
}
