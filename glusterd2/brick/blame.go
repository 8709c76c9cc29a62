package brick

import (
	"context"
	"encoding/binary"
	"errors"
	"os"

	"gd2/pkg/api"
)

// Labels of what marking a brick asks of the operating system.
const (
	opBlameSet   Op = "blame-set"
	opBlameClear Op = "blame-clear"
)

const (
	// xattrDirty on a brick's root says that a change of it may be unfinished: no copy that is dirty is a source of a heal.
	xattrDirty = "trusted.afr.dirty"
	// xattrBlame and the name of a client translator make the attribute by which a copy blames another one.
	xattrBlame = "trusted.afr."
)

// SetDirty marks the root of a brick that is empty, so that nobody takes the emptiness for the truth. The value counts
// changes of data, of metadata and of entries.
func SetDirty(ctx context.Context, sys OS, w Where) error {
	if err := ctx.Err(); err != nil {
		return w.refuse(api.Timeout, "not marked: %v", err)
	}
	value := binary.BigEndian.AppendUint32(make([]byte, 8), 1)
	if err := sys.Setxattr(opBlameSet, w.Path, xattrDirty, value); err != nil {
		return w.refuse(api.State, "cannot be marked: %v", err)
	}
	return nil
}

// ClearDirty takes back what SetDirty did. A brick that is gone needs nothing.
func ClearDirty(ctx context.Context, sys OS, w Where) error { return w.clear(ctx, sys, xattrDirty) }

// Forgive removes from the root of a brick the blame on another one, by the name of that one's client translator.
func Forgive(ctx context.Context, sys OS, w Where, client string) error {
	return w.clear(ctx, sys, xattrBlame+client)
}

func (w Where) clear(ctx context.Context, sys OS, name string) error {
	if err := ctx.Err(); err != nil {
		return w.refuse(api.Timeout, "mark %s not removed: %v", name, err)
	}
	err := sys.Removexattr(opBlameClear, w.Path, name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return w.refuse(api.State, "mark %s cannot be removed: %v", name, err)
	}
	return nil
}
