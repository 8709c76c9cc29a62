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

// Run runs the tests of a package and returns the exit status, for its TestMain. A goroutine that is left fails them.
// goleak's own function has no patience with etcd's last connections, which do end by themselves.
func Run(m *testing.M) int {
	if code := m.Run(); code != 0 {
		return code
	}
	deadline := time.Now().Add(lingering)
	err := goleak.Find()
	for err != nil && time.Now().Before(deadline) {
		err = goleak.Find() // waits by itself
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "goroutines are left: %v\n", err)
		return 1
	}
	return 0
}
