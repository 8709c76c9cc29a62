package cmd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func newPoolBackup(a *app) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "backup FILE", Short: "Write a backup of the pool's records to a file", Args: wants(1, 1),
		Long: `Write a consistent backup of the pool's records to a file: peers, volumes, options, and the secret for REST tokens. Whoever
has the file can act as an administrator, so only its owner may read it: keep it safe. glusterd2 recover --from FILE brings a pool back from it.
The data in the bricks is not part of it. --timeout does not apply.`,
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "replace a file that is there already")
	c.RunE = a.do("pool backup", func(ctx context.Context, args []string) error {
		n, err := a.backup(ctx, args[0], force)
		if err != nil {
			return err
		}
		return a.done(map[string]any{"file": args[0], "bytes": n}, "pool backup: %s written to %s", bytesOf(n), args[0])
	})
	return c
}

// backup writes beside the file and puts it in its place only when it is whole.
func (a *app) backup(ctx context.Context, file string, force bool) (n int64, err error) {
	_, err = os.Lstat(file)
	if err == nil && !force {
		return 0, api.Errorf(api.Exists, "%s is there already; --force replaces it", file)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, api.FieldErrorf("file", "%v", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*") // with mode 0600
	if err != nil {
		return 0, api.FieldErrorf("file", "the backup cannot be written: %v", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	n, err = a.client.Backup(ctx, tmp)
	if err != nil {
		return n, errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Sync(), tmp.Close(), os.Rename(tmp.Name(), file)); err != nil {
		return n, api.Errorf(api.Internal, "the backup cannot be written: %v", err)
	}
	return n, nil
}
