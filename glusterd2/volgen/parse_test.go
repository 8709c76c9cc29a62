package volgen

import (
	"fmt"
	"strings"
)

// xl is a translator as a volfile describes it.
type xl struct {
	Name, Type string
	Options    map[string]string
	Subvolumes []string
}

// parse reads a volfile as strictly as the tests need: every line must be understood, every child defined before its use.
func parse(text string) ([]xl, error) {
	var out []xl
	var cur *xl
	seen := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		f, err := fields(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		switch {
		case len(f) == 0:
		case f[0] == "volume" && len(f) == 2 && cur == nil:
			cur = &xl{Name: f[1], Options: map[string]string{}}
		case cur == nil:
			return nil, fmt.Errorf("line %d: %q outside a translator", i+1, line)
		case f[0] == "type" && len(f) == 2:
			cur.Type = f[1]
		case f[0] == "option" && len(f) == 3:
			if _, twice := cur.Options[f[1]]; twice {
				return nil, fmt.Errorf("line %d: option %s twice", i+1, f[1])
			}
			cur.Options[f[1]] = f[2]
		case f[0] == "subvolumes" && len(f) > 1:
			cur.Subvolumes = f[1:]
			for _, c := range cur.Subvolumes {
				if !seen[c] {
					return nil, fmt.Errorf("line %d: subvolume %s is not defined above", i+1, c)
				}
			}
		case f[0] == "end-volume" && len(f) == 1:
			if seen[cur.Name] || cur.Type == "" {
				return nil, fmt.Errorf("line %d: translator %s is defined twice or has no type", i+1, cur.Name)
			}
			seen[cur.Name] = true
			out = append(out, *cur)
			cur = nil
		default:
			return nil, fmt.Errorf("line %d: %q is not understood", i+1, line)
		}
	}
	if cur != nil {
		return nil, fmt.Errorf("translator %s has no end", cur.Name)
	}
	return out, nil
}

// fields cuts a line into words, as the parser of glusterfs does: words in quotes may hold anything, a backslash keeps
// the character after it. A backquote is an error here: glusterfs would run a command.
func fields(line string) ([]string, error) {
	if strings.ContainsRune(line, '`') {
		return nil, fmt.Errorf("backquote in %q", line)
	}
	var out []string
	for {
		line = strings.TrimLeft(line, " \t")
		switch {
		case line == "" || line[0] == '#':
			return out, nil
		case line[0] == '"':
			w, rest, err := quoted(line[1:])
			if err != nil {
				return nil, err
			}
			out, line = append(out, w), rest
		default:
			n := strings.IndexAny(line, " \t\"\\")
			if n < 0 {
				n = len(line)
			}
			if n == 0 {
				return nil, fmt.Errorf("stray backslash in %q", line)
			}
			out, line = append(out, line[:n]), line[n:]
		}
	}
}

func quoted(s string) (word, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", fmt.Errorf("quote without end: %q", s)
}
