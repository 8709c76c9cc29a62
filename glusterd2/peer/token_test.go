package peer

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/pkg/pki"
)

func TestToken(t *testing.T) {
	token, err := NewToken("abc", []string{"a:1", "b:2"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseToken(token.String())
	if err != nil || got.ID != token.ID || got.Secret != token.Secret || got.Authority != "abc" || !slices.Equal(got.Addresses, token.Addresses) {
		t.Errorf("%+v, %v", got, err)
	}
	now := time.Now()
	stored := token.Stored(now)
	if stored.Hash == token.Secret || strings.Contains(stored.Hash, token.Secret) {
		t.Error("the record holds the secret")
	}
	if err := stored.Check(token.Secret, now); err != nil {
		t.Error(err)
	}
	for secret, at := range map[string]time.Time{token.Secret: now.Add(time.Second), "": now, token.Secret + "0": now} {
		if err := stored.Check(secret, at); !api.IsKind(err, api.Denied) {
			t.Errorf("secret %.8s…: %v", secret, err)
		}
	}
	other, err := NewToken("abc", nil)
	if err != nil || other.ID == token.ID || other.Secret == token.Secret {
		t.Error("two tokens are alike")
	}
}

// tokenOf encodes anything as a token's text.
func tokenOf(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

func TestParseTokenRefusals(t *testing.T) {
	good := Token{ID: "i", Secret: "s", Authority: "a", Addresses: []string{"h:1"}}
	without := func(change func(*Token)) string {
		bad := good
		change(&bad)
		return tokenOf(t, bad)
	}
	for what, text := range map[string]string{
		"empty": "", "not base64": "%%%", "not JSON": base64.RawURLEncoding.EncodeToString([]byte("{")), "a list": tokenOf(t, []int{1}),
		"wrong types": tokenOf(t, map[string]any{"i": 1}), "no id": without(func(k *Token) { k.ID = "" }), "no secret": without(func(k *Token) { k.Secret = "" }),
		"no authority": without(func(k *Token) { k.Authority = "" }), "no addresses": without(func(k *Token) { k.Addresses = nil }),
		"bad address": without(func(k *Token) { k.Addresses = []string{"h"} }), "bad host": without(func(k *Token) { k.Addresses = []string{"a\nb:1"} }),
		"too many addresses": without(func(k *Token) { k.Addresses = slices.Repeat([]string{"h:1"}, 100) }), "long": strings.Repeat("A", maxTokenLength+1),
	} {
		_, err := ParseToken(text)
		if e := api.AsError(err); e == nil || e.Kind != api.Invalid || e.Fields[api.FieldField] != "token" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := ParseToken("\n " + tokenOf(t, good) + " \n"); err != nil {
		t.Errorf("spaces around a token: %v", err)
	}
}

func FuzzParseToken(f *testing.F) {
	token, err := NewToken("abc", []string{"10.0.0.1:24008"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token.String())
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"i":"x","s":"y","a":"z","p":["h:1"]}`)))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseToken(text)
		if err != nil {
			if !api.IsKind(err, api.Invalid) {
				t.Fatalf("error %v", err)
			}
			return
		}
		again, err := ParseToken(got.String())
		if err != nil || again.ID != got.ID || again.Secret != got.Secret || !slices.Equal(again.Addresses, got.Addresses) {
			t.Fatalf("%+v became %+v, %v", got, again, err)
		}
		for _, a := range got.Addresses {
			if _, _, err := net.SplitHostPort(a); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// connection returns the two sides of a TLS connection.
func connection(t *testing.T) (client, server tls.ConnectionState) {
	t.Helper()
	authority, err := pki.NewAuthority("p")
	if err != nil {
		t.Fatal(err)
	}
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	request, err := pki.NewRequest(key, "p")
	if err != nil {
		t.Fatal(err)
	}
	pem, _, err := authority.Sign(request, "p", nil)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(pem, key)
	if err != nil {
		t.Fatal(err)
	}
	a, b := net.Pipe()
	s := tls.Server(b, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}})
	c := tls.Client(a, &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true})
	done := make(chan error, 1)
	go func() { done <- s.HandshakeContext(t.Context()) }()
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	client, server = c.ConnectionState(), s.ConnectionState()
	_ = a.Close()
	_ = b.Close()
	return client, server
}

func TestProof(t *testing.T) {
	prover, err := NewProver("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	same, err := NewProver("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewProver("correct horse battery.")
	if err != nil {
		t.Fatal(err)
	}
	client, server := connection(t)
	inTheMiddle, _ := connection(t)
	proof, err := prover.Prove(RoleInviter, client)
	if err != nil {
		t.Fatal(err)
	}
	if err := same.Verify(RoleInviter, proof, server); err != nil {
		t.Errorf("the right proof: %v", err)
	}
	for what, err := range map[string]error{
		"another secret":     other.Verify(RoleInviter, proof, server),
		"sent back":          same.Verify(RoleInvited, proof, server),
		"another connection": same.Verify(RoleInviter, proof, inTheMiddle),
		"empty":              same.Verify(RoleInviter, "", server),
	} {
		if !api.IsKind(err, api.Denied) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Whoever asks for no proof is not believed by one that has a secret, and tells the other why it was refused.
func TestOpenProof(t *testing.T) {
	closed, err := NewProver("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	open := OpenProver()
	client, server := connection(t)
	proof, err := open.Prove(RoleInviter, client)
	if err != nil || !open.Open() || closed.Open() {
		t.Fatal(err)
	}
	if err := OpenProver().Verify(RoleInviter, proof, server); err != nil {
		t.Errorf("two open peers: %v", err)
	}
	if err := closed.Verify(RoleInviter, proof, server); !api.IsKind(err, api.Denied) {
		t.Errorf("an open peer to one with a secret: %v", err)
	}
	if proof, err = closed.Prove(RoleInviter, client); err != nil {
		t.Fatal(err)
	}
	if err := open.Verify(RoleInviter, proof, server); !api.IsKind(err, api.Denied) || !strings.Contains(err.Error(), "join = open") {
		t.Errorf("a peer with a secret to an open one: %v", err)
	}
}
