package brick

import (
	"errors"
	"path/filepath"

	"gd2/pkg/api"

	"golang.org/x/sys/unix"
)

// Attributes that the check sets and removes again, to see whether the filesystem keeps them.
const (
	xattrTestTrusted = "trusted.gd2.test"
	xattrTestUser    = "user.gd2.test"
)

// filesystem looks where the directory is: not on the filesystem of /, and not itself a mount point.
func (c *checker) filesystem() error {
	base, err := c.device(c.base)
	if err != nil {
		return err
	}
	if !c.Allow.RootFilesystem {
		root, err := c.device("/")
		if err != nil {
			return err
		}
		if root == base {
			return c.refuse(api.State, "it is on the root filesystem, which the brick could fill up; set %s or force to use it all the same",
				api.FlagAllowRootDir)
		}
	}
	if c.Allow.MountPoint || !c.exists() {
		return nil
	}
	parent, err := c.device(filepath.Dir(c.real))
	if err != nil {
		return err
	}
	if parent != base {
		return c.refuse(api.State, "it is itself a mount point, so files would land below it when it is not mounted; "+
			"use a directory in it, or set %s or force", api.FlagAllowMountAsBrick)
	}
	return nil
}

func (c *checker) device(path string) (uint64, error) {
	st, err := c.sys.Stat(opCheckDevice, path)
	if err != nil {
		return 0, c.refuse(api.State, "cannot be looked at: %v", err)
	}
	return st.Device, nil
}

// xattrs looks whether the filesystem keeps the attributes that GlusterFS needs. A directory that does not exist yet
// will be on the filesystem of the one above it.
func (c *checker) xattrs() error {
	if err := c.keeps(opCheckTrusted, xattrTestTrusted); err != nil {
		return c.refuse(api.State, "its filesystem does not keep trusted extended attributes, without which there is no brick: %v", err)
	}
	if err := c.keeps(opCheckUser, xattrTestUser); err != nil {
		return c.refuse(api.State, "its filesystem does not keep user extended attributes (mount it with user_xattr): %v", err)
	}
	_, err := c.sys.Getxattr(opCheckACL, c.base, xattrACL)
	if err != nil && !errors.Is(err, unix.ENOTSUP) {
		return c.refuse(api.State, "cannot be looked at: %v", err)
	}
	if err != nil && !c.Allow.NoACL {
		return c.refuse(api.State, "its filesystem does not keep access control lists (mount it with acl); set force to use it all the same")
	}
	return nil
}

func (c *checker) keeps(op Op, name string) error {
	if err := c.sys.Setxattr(op, c.base, name, []byte("1")); err != nil {
		return err
	}
	return c.sys.Removexattr(op, c.base, name)
}
