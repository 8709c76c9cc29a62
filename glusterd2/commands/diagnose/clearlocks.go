package diagnose

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"

	"gd2/pkg/api"
)

// lockRange is how the locks translator reads a range: WHENCE,START-LENGTH.
var lockRange = regexp.MustCompile(`^[0-2],[0-9]{1,18}-[0-9]{1,18}$`)

// ClearLocks takes locks from clients. The bricks do it when a virtual xattr of the file is read.
func (c *Commands) ClearLocks(ctx context.Context, name string, req api.ClearLocksReq) (api.ClearedLocks, error) {
	attr, err := lockAttr(req)
	if err != nil {
		return api.ClearedLocks{}, err
	}
	if _, err := c.started(ctx, name); err != nil {
		return api.ClearedLocks{}, err
	}
	text, err := c.cfg.Xattr(ctx, name, req.Path, attr)
	if err != nil {
		return api.ClearedLocks{}, err
	}
	out := api.ClearedLocks{Summary: []string{}}
	for line := range strings.Lines(strings.ToValidUTF8(text, "?")) {
		if line = strings.TrimSpace(line); line != "" {
			out.Summary = append(out.Summary, line)
		}
	}
	return out, nil
}

// lockAttr checks a request and returns the xattr to read: glusterfs.clrlk.tTYPE.kKIND, and what chooses after a dot.
func lockAttr(req api.ClearLocksReq) (string, error) {
	kinds, types := []string{api.LocksBlocked, api.LocksGranted, api.LocksAll}, []string{api.LockInode, api.LockEntry, api.LockPosix}
	attr := "glusterfs.clrlk.t" + req.Type + ".k" + req.Kind
	switch {
	case !path.IsAbs(req.Path) || path.Clean(req.Path) != req.Path || len(req.Path) > 4000 || strings.ContainsRune(req.Path, 0):
		return "", api.FieldErrorf("path", "%.200q is no path from the root of the volume, such as /dir/file", req.Path)
	case !slices.Contains(kinds, req.Kind):
		return "", api.FieldErrorf("kind", "locks of the kind %.30q are not known: use one of %q", req.Kind, kinds)
	case !slices.Contains(types, req.Type):
		return "", api.FieldErrorf("type", "locks of the type %.30q are not known: use one of %q", req.Type, types)
	case req.Range != "" && (req.Type == api.LockEntry || !lockRange.MatchString(req.Range)):
		return "", api.FieldErrorf("range", "range %.60q: inode and posix locks take WHENCE,START-LENGTH, such as 0,0-0; entry locks take none", req.Range)
	case req.Basename != "" && (req.Type != api.LockEntry || len(req.Basename) > 200 || strings.ContainsAny(req.Basename, "/\x00")):
		return "", api.FieldErrorf("basename", "%.60q: entry locks take the name of one entry of the directory, and others none", req.Basename)
	case req.Range+req.Basename != "":
		attr += "." + req.Range + req.Basename
	}
	return attr, nil
}
