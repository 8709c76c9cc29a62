package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is the directory in which a peer keeps its key and its certificates:
//
//	peer.key            the peer's private key, made once
//	<pool>/ca.pem       the authority of a pool
//	<pool>/peer.pem     the peer's certificate in that pool
//	current             a link to the pool's directory that is in force
//
// Changing pools swaps one link, so that a peer never holds the certificate of one pool and the authority of another.
type Dir struct{ path string }

// OpenDir opens the directory, making it and the key where they are missing. The directory is mode 0700.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	d := &Dir{path: path}
	_, err := os.Stat(d.KeyFile())
	if !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	key, err := NewKey()
	if err != nil {
		return nil, err
	}
	return d, WriteFile(d.KeyFile(), key, 0o600)
}

// KeyFile is the path of the peer's private key.
func (d *Dir) KeyFile() string { return filepath.Join(d.path, "peer.key") }

// CertFile is the path of the peer's certificate in the pool in force.
func (d *Dir) CertFile() string { return filepath.Join(d.path, "current", "peer.pem") }

// CAFile is the path of the certificate of the authority in force.
func (d *Dir) CAFile() string { return filepath.Join(d.path, "current", "ca.pem") }

// Installed reports whether a pool's certificates are in force.
func (d *Dir) Installed() bool {
	_, err := os.Stat(d.CertFile())
	return err == nil
}

// Request makes a certificate request for the peer with the directory's key.
func (d *Dir) Request(peerID string) ([]byte, error) {
	key, err := os.ReadFile(d.KeyFile())
	if err != nil {
		return nil, err
	}
	return NewRequest(key, peerID)
}

// Install stores the certificates of a pool and puts them in force. It returns a function that puts those of before
// back in force.
func (d *Dir) Install(poolID string, ca, cert []byte) (restore func() error, err error) {
	if filepath.Base(poolID) != poolID || poolID == "." || poolID == "current" {
		return nil, fmt.Errorf("pool id %q cannot name a directory", poolID)
	}
	before, err := os.Readlink(filepath.Join(d.path, "current"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	dir := filepath.Join(d.path, poolID)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for name, data := range map[string][]byte{"ca.pem": ca, "peer.pem": cert} {
		if err := WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return nil, err
		}
	}
	restore = func() error {
		if before == "" {
			return nil
		}
		return d.point(before)
	}
	return restore, d.point(poolID)
}

// Prune removes the certificates of pools that are not in force: the peer has left them for good.
func (d *Dir) Prune() error {
	current, err := os.Readlink(filepath.Join(d.path, "current"))
	if err != nil {
		return err
	}
	items, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	var errs []error
	for _, it := range items {
		if it.IsDir() && it.Name() != current {
			errs = append(errs, os.RemoveAll(filepath.Join(d.path, it.Name())))
		}
	}
	return errors.Join(errs...)
}

// point swaps the link; a rename is atomic.
func (d *Dir) point(target string) error {
	tmp := filepath.Join(d.path, ".current")
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(d.path, "current")); err != nil {
		return err
	}
	return syncDir(d.path)
}

// Certificate loads the peer's certificate and key in force. The chain ends with the authority, by whose fingerprint
// a joining peer recognises the pool.
func (d *Dir) Certificate() (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(d.CertFile(), d.KeyFile())
	if err != nil {
		return nil, err
	}
	ca, err := d.Authority()
	if err != nil {
		return nil, err
	}
	c.Certificate = append(c.Certificate, ca.Raw)
	return &c, nil
}

// Authority returns the certificate of the authority in force.
func (d *Dir) Authority() (*x509.Certificate, error) {
	data, err := os.ReadFile(d.CAFile())
	if err != nil {
		return nil, err
	}
	return ParseCertificate(data)
}

// Pool returns the authority in force as a pool of roots.
func (d *Dir) Pool() (*x509.CertPool, error) {
	ca, err := d.Authority()
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	return pool, nil
}

// WriteFile writes a file so that after a crash it holds either the old text or the new, never a part.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone after the rename
	if err := errors.Join(tmp.Chmod(mode), write(tmp, data), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func write(f *os.File, data []byte) error {
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
