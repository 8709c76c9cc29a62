package lab

import (
	"context"
	"errors"
	"time"
)

// PowerCut ends everything that runs on the peer, all at once and without a chance to clean up, and loses what a host
// loses that loses its power: mounts of volumes, run files. What was written and not synced is not lost: the machine's
// kernel goes on.
func (p *Peer) PowerCut(ctx context.Context) error {
	// The shell's own kill spares nobody but the shell and the lab's first process.
	if _, err := p.Run(ctx, "sh", "-c", "kill -9 -1"); err != nil {
		return err
	}
	if p.daemon != nil {
		limit := time.NewTimer(Patient(stopLimit))
		defer limit.Stop()
		select {
		case <-p.daemon.done:
		case <-limit.C:
			return errors.New("the daemon of " + p.Name + " outlives a power cut")
		}
	}
	_, err := p.Run(ctx, "sh", "-c", "umount -l /mnt/* /run/glusterd2/bricks/* 2>/dev/null; rm -rf /run/glusterd2 /run/gluster/*")
	return err
}
