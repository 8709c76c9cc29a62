package brick

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// maxFileName is how many bytes a file name may have (NAME_MAX). The longest name that is made of a brick is that of
// its volfile, which the daemons of GlusterFS make.
const maxFileName = 255

// volfileUnsafe are characters that a volfile cannot carry in a value: they end it, start a comment, or (`) run a
// command in a shell.
const volfileUnsafe = " \"'`\\#"

// Where says where a brick is or is to be, for checks and their messages.
type Where struct {
	VolumeName string
	// Host is the peer's address as volfiles carry it.
	Host string
	// PeerID goes into the fields of errors.
	PeerID string
	Path   string
}

// String returns host:path.
func (w Where) String() string { return w.Host + ":" + w.Path }

// refuse makes the error of a check: it names the brick in its text and the brick and the peer in its fields.
func (w Where) refuse(kind api.Kind, format string, args ...any) *api.Error {
	args = append([]any{w.Host, w.Path}, args...)
	e := api.Errorf(kind, "brick %s:%q: "+format, args...).With("brick", w.String())
	if w.PeerID != "" {
		e = e.With(api.FieldPeer, w.PeerID)
	}
	return e
}

// CheckPath checks what can be known of a brick's path without looking at the host: that it is absolute, clean and
// plain, and not too long for the names that are made of it. Errors are *api.Error of kind Invalid.
func CheckPath(w Where) error {
	bad := func(format string, args ...any) error {
		return w.refuse(api.Invalid, format, args...).With(api.FieldField, "path")
	}
	i := strings.IndexFunc(w.Path, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune(volfileUnsafe, r)
	})
	switch {
	case w.Path == "":
		return bad("the path is empty; it must be absolute, such as /bricks/b1")
	case !utf8.ValidString(w.Path):
		return bad("the path is not valid UTF-8")
	case i >= 0:
		r, _ := utf8.DecodeRuneInString(w.Path[i:])
		return bad("the path contains %q, which a volfile cannot carry", r)
	case !filepath.IsAbs(w.Path):
		return bad("the path must be absolute, that is, start with /")
	case filepath.Clean(w.Path) != w.Path:
		return bad("the path must be in its shortest form, here %q", filepath.Clean(w.Path))
	case w.Path == "/":
		return bad("the root directory cannot be a brick")
	}
	name := w.VolumeName + "." + w.Host + "." + volume.Dashes(w.Path) + ".vol"
	if len(name) > maxFileName {
		return bad("the path is too long by %d bytes: the name of its volfile, %.40s…, may have %d",
			len(name)-maxFileName, name, maxFileName)
	}
	return nil
}

// inside reports whether path is dir or below it. Both are clean. It is asked of every brick of the host.
func inside(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(dir, "/"))
	return ok && (rest == "" || rest[0] == '/')
}
