package e2e

import (
	"context"
	"fmt"
	"sync"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// conditionalChanges has clients of two peers change the volume gv1 as they have read it: of each round one wins, however
// they meet, and what it wrote stays until somebody has read it.
func conditionalChanges(p pool) {
	ctx := p.t.Context()
	edit := func(n int, tag, value string) (string, error) {
		var next string
		ctx := client.WithTag(client.IfMatch(ctx, tag), &next)
		_, err := p.rest(n).VolumeEdit(ctx, "gv1", api.VolumeEditReq{Metadata: map[string]string{"winner": value}})
		return next, err
	}
	for round := range 10 {
		var tag string
		_, err := p.rest(3).Volume(client.WithTag(ctx, &tag), "gv1")
		p.must(err)
		var wg sync.WaitGroup
		tags, errs := make([]string, 2), make([]error, 2)
		for i := range 2 {
			wg.Go(func() { tags[i], errs[i] = edit(i+1, tag, fmt.Sprint(round, i)) })
		}
		wg.Wait()
		winner := 0
		if errs[0] != nil {
			winner = 1
		}
		if errs[winner] != nil || !api.IsKind(errs[1-winner], api.Precondition, api.Conflict) {
			p.t.Fatalf("round %d: %v", round, errs)
		}
		var now string
		v, err := p.rest(3).Volume(client.WithTag(ctx, &now), "gv1")
		p.must(err)
		if v.Metadata["winner"] != fmt.Sprint(round, winner) || now != tags[winner] {
			p.t.Errorf("round %d: client %d has won and got %s; now there is %v, %s", round, winner, tags[winner], v.Metadata, now)
		}
		if _, err := edit(2, tag, "late"); !api.IsKind(err, api.Precondition) {
			p.t.Errorf("round %d: a change of what was read before: %v", round, err)
		}
	}
	p.cliRefused("if-match", "volume", "stop", "gv1", "--if-match", `"1-0"`)
}

// cliRefused runs glustercli, which must fail.
func (p pool) cliRefused(what string, args ...string) {
	p.t.Helper()
	if out, err := p.Peer(1).CLI(context.WithoutCancel(p.t.Context()), args...); err == nil {
		p.t.Errorf("%s: %v was not refused: %s", what, args, out)
	}
}
