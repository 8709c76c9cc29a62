package volumes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// lateHost is the DataPlane of a peer whose store is found when it is needed. It prepares bricks and nothing else.
type lateHost struct {
	BrickHost // none
	ReplaceHost
	GrowHost
	peerID string
	stores map[string]func() store.Reader
}

var _ Host = lateHost{}

func (h lateHost) plane() *DataPlane {
	return &DataPlane{PeerID: h.peerID, Store: h.stores[h.peerID](), OS: brick.System{}}
}

func (h lateHost) Prepare(ctx context.Context, v *volume.Volume, allow Allow) error {
	return h.plane().Prepare(ctx, v, allow)
}

func (h lateHost) SurveyPrepare(ctx context.Context, v *volume.Volume, allow Allow) ([]api.Effect, error) {
	return h.plane().SurveyPrepare(ctx, v, allow)
}

func (h lateHost) Unprepare(ctx context.Context, v *volume.Volume) error {
	return h.plane().Unprepare(ctx, v)
}

func (lateHost) Start(context.Context, *volume.Volume) error  { return errOnlyPrepares }
func (lateHost) Stop(context.Context, *volume.Volume) error   { return errOnlyPrepares }
func (lateHost) Forget(context.Context, *volume.Volume) error { return errOnlyPrepares }
func (lateHost) SurveyStop(*volume.Volume) []api.Effect       { return nil }
func (lateHost) SurveyRelease(context.Context, *volume.Volume) ([]api.Effect, error) {
	return nil, nil
}
func (lateHost) SurveyStart(*volume.Volume, bool) ([]api.Effect, error) {
	return nil, errOnlyPrepares
}
func (lateHost) Report(context.Context, *volume.Volume) Report { return Report{} }

var errOnlyPrepares = api.Errorf(api.NotSupported, "this host only prepares bricks")

// tree describes the files below a directory, with their attributes.
func tree(t testing.TB, root string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%s %v %s", path, d.Type(), attributes(t, path)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n") + "\n"
}

// attributes lists the names of the trusted attributes of a file, and that of gd2 with its value.
func attributes(t testing.TB, path string) string {
	t.Helper()
	names := make([]byte, 4096)
	n, err := unix.Llistxattr(path, names)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, name := range strings.Split(string(names[:n]), "\x00") {
		if !strings.HasPrefix(name, "trusted.") {
			continue
		}
		found[name] = "set"
		if strings.HasPrefix(name, "trusted.gd2.") {
			value := make([]byte, 4096)
			n, err := unix.Lgetxattr(path, name, value)
			if err != nil {
				t.Fatal(err)
			}
			found[name] = string(value[:n])
		}
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(found)) {
		out = append(out, k+"="+found[k])
	}
	return strings.Join(out, " ")
}
