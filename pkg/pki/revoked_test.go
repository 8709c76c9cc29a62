package pki

import (
	"crypto/x509"
	"slices"
	"testing"
)

func TestRevocationList(t *testing.T) {
	want := []string{"1", "ff", "123456789abcdef0123456789abcde"}
	der, err := RevocationList(slices.Values(want))
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list.RevokedCertificateEntries {
		got = append(got, e.SerialNumber.Text(16))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the list has %v, want %v", got, want)
	}
	for _, bad := range []string{"", "0", "-1", "xyz", "1 2"} {
		if _, err := RevocationList(slices.Values([]string{bad})); err == nil {
			t.Errorf("%q is taken for a serial number", bad)
		}
	}
}
