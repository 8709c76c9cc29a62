package lab

import (
	"fmt"
	"os"
	"path/filepath"
)

// Ambush kills the daemon of the peer, once, when it runs a program: before the program has done anything, which it then does without
// the daemon, or after it has.
func (p *Peer) Ambush(program string, after bool) error {
	// The PATH of a peer begins with this folder of its own; the program itself is found once the ambush has removed itself.
	self := filepath.Join("/usr/local/sbin", program)
	steps := "kill -9 $PPID\nexec " + program + ` "$@"`
	if after {
		steps = program + ` "$@"` + "\nkill -9 $PPID"
	}
	return os.WriteFile(p.Path(self), fmt.Appendf(nil, "#!/bin/sh\nrm %s\n%s\n", self, steps), 0o700)
}
