package pki

import (
	"bytes"
	"path/filepath"
	"testing"
)

// Only the peer for which it was sealed opens a secret, and only for what it was sealed for.
func TestSeal(t *testing.T) {
	mine, err := OpenDir(filepath.Join(t.TempDir(), "mine"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := OpenDir(filepath.Join(t.TempDir(), "other"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := mine.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("the key of the authority")
	sealed, err := Seal(public, "pool 1", secret)
	if err != nil || bytes.Contains(sealed, secret) {
		t.Fatalf("sealed %q, %v", sealed, err)
	}
	if got, err := mine.Unseal("pool 1", sealed); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("opened %q, %v", got, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another peer":    func() ([]byte, error) { return other.Unseal("pool 1", sealed) },
		"another purpose": func() ([]byte, error) { return mine.Unseal("pool 2", sealed) },
		"a changed byte":  func() ([]byte, error) { return mine.Unseal("pool 1", changed) },
		"half":            func() ([]byte, error) { return mine.Unseal("pool 1", sealed[:len(sealed)/2]) },
		"nothing":         func() ([]byte, error) { return mine.Unseal("pool 1", nil) },
	} {
		if got, err := open(); err == nil {
			t.Errorf("%s: opened %q", name, got)
		}
	}
	if _, err := Seal([]byte("no key"), "pool 1", secret); err == nil {
		t.Error("sealed for what is no key")
	}
}
