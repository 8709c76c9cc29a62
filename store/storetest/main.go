package storetest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// lingering is how long etcd's connections between members can outlive their server: a read of theirs renews its own
// deadline of five seconds, and then cannot be cut short.
const lingering = 10 * time.Second

// Main is a TestMain that fails when a goroutine is left, for packages that use pools of several members. goleak's own
// has no patience with etcd's last connections, which do end by themselves.
func Main(m *testing.M) {
	if code := m.Run(); code != 0 {
		os.Exit(code)
	}
	deadline := time.Now().Add(lingering)
	err := goleak.Find()
	for err != nil && time.Now().Before(deadline) {
		err = goleak.Find() // waits by itself
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "goroutines are left: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}
