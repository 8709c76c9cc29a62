package brick_test

import (
	"strings"
	"testing"

	"gd2/glusterd2/brick"
)

func TestFit(t *testing.T) {
	const text = `volume gv0-posix
    type storage/posix
    option directory /b1
end-volume

volume /b1
    type debug/io-stats
    option threads 16
    option unique-id /b1
end-volume

volume gv0-server
    type protocol/server
    option auth.addr./b1.allow *
    option auth.login.u.password p
    option auth-path /b1
    option root-squash off
    option transport.listen-backlog 1024
    subvolumes /b1
end-volume
`
	same := strings.NewReplacer("/b1", "/b2", "gv0", "gv1", "password p", "password q", "allow *", "allow 10.*")
	if brick.Fit(text) != brick.Fit(same.Replace(text)) {
		t.Errorf("bricks that fit do not:\n%s", brick.Fit(same.Replace(text)))
	}
	for old, changed := range map[string]string{"root-squash off": "root-squash on", "backlog 1024": "backlog 10", "threads 16": "threads 8"} {
		if brick.Fit(text) == brick.Fit(strings.ReplaceAll(text, old, changed)) {
			t.Errorf("a brick with %s fits", changed)
		}
	}
	if got := brick.Fit(text); got != "root-squash off\nthreads 16\ntransport.listen-backlog 1024" {
		t.Errorf("fit %q", got)
	}
}
