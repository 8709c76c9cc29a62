package sunrpc_test

import (
	"strings"
	"testing"

	"gd2/glusterd2/sunrpc"
	"gd2/pkg/gfrpc"
)

func TestPortmapLife(t *testing.T) {
	b := newLab(t, nil)
	client, brick := b.dial(t), b.dial(t)
	if ret, port := portOf(t, client, "/b"); ret != -1 || port != 0 {
		t.Errorf("before sign-in: %d %d", ret, port)
	}
	if ret, errno := signIn(t, brick, "/b", 49152, 77); ret != 0 || errno != 0 {
		t.Errorf("sign-in: %d %d", ret, errno)
	}
	if ret, port := portOf(t, client, "/b"); ret != 0 || port != 49152 {
		t.Errorf("after sign-in: %d %d", ret, port)
	}
	for range 2 { // a brick may sign out twice
		call(t, brick, gfrpc.ProgramPortmap, gfrpc.ProcSignOut, new(gfrpc.Writer).String("/b").Int32(49152).Int32(0))
	}
	if ret, _ := portOf(t, client, "/b"); ret != -1 {
		t.Error("still there after sign-out")
	}

	// A brick that dies says nothing; its connection does.
	signIn(t, brick, "/b", 49152, 77)
	changes, cancel := b.ports.Subscribe()
	defer cancel()
	if err := brick.Close(); err != nil {
		t.Fatal(err)
	}
	<-changes
	if ret, _ := portOf(t, client, "/b"); ret != -1 {
		t.Error("still there after the connection closed")
	}
}

func TestSignInRefused(t *testing.T) {
	b := newLab(t, func(c *sunrpc.Config) { c.Limits.BricksPerConn = 1 })
	c := b.dial(t)
	for name, test := range map[string]struct {
		brick     string
		port, pid int32
		errno     int32
	}{
		"no name":     {"", 49152, 1, 22},
		"no port":     {"/b", 0, 1, 22},
		"high port":   {"/b", 65536, 1, 22},
		"negative":    {"/b", -1, 1, 22},
		"no pid":      {"/b", 49152, 0, 22},
		"first is ok": {"/ok", 49152, 1, 0},
	} {
		if _, errno := signIn(t, c, test.brick, test.port, test.pid); errno != test.errno {
			t.Errorf("%s: errno %d, want %d", name, errno, test.errno)
		}
	}
	if _, errno := signIn(t, c, "/second", 49153, 1); errno != 105 {
		t.Errorf("second brick of one allowed: errno %d, want 105", errno)
	}
	if _, errno := signIn(t, c, "/ok", 49154, 1); errno != 0 {
		t.Errorf("first brick again: errno %d", errno)
	}
	args := new(gfrpc.Writer).String(strings.Repeat("x", 5000)).Int32(1).Int32(1).Bytes()
	if _, err := c.Call(t.Context(), gfrpc.ProgramPortmap, gfrpc.ProcSignIn, args); err == nil {
		t.Error("a name of 5000 bytes was accepted")
	}

	stranger := newLab(t, func(c *sunrpc.Config) { c.SocketOwner = owner(1000) })
	if ret, errno := signIn(t, stranger.dial(t), "/b", 49152, 1); ret != -1 || errno != 13 {
		t.Errorf("sign-in of a user: %d %d, want -1 13", ret, errno)
	}
	if _, ok := stranger.ports.Port("/b"); ok {
		t.Error("a user's brick is in the map")
	}
}
