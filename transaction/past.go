package transaction

import (
	"slices"
	"strings"
	"time"

	"gd2/store"
)

// past is the transactions that have finished, in the order of their beginning. What is looked for in them at each change of the
// store is kept here, so that nobody goes through the records for it.
type past struct{ list []finished }

// finished is what is kept of one.
type finished struct {
	id       string
	revision int64
	ended    time.Time
	done     bool
	locks    []string
}

// history is the past of a store.
var history = store.View[Record, *past]{
	Kind: recordKind,
	New:  func() *past { return &past{} },
	Put: func(p *past, r store.Record[Record]) {
		if i, found := p.place(r.ID); !found && r.Value.State.Finished() {
			p.list = slices.Insert(p.list, i, finished{r.ID, r.Revision, r.Value.Ended, r.Value.State == Done, r.Value.Locks})
		}
	},
	Drop: func(p *past, r store.Record[Record]) {
		if i, found := p.place(r.ID); found {
			p.list = slices.Delete(p.list, i, i+1)
		}
	},
}

// place is where a transaction is in the list, or would be: ids begin with the time.
func (p *past) place(id string) (int, bool) {
	return slices.BinarySearchFunc(p.list, id, func(t finished, id string) int { return strings.Compare(t.id, id) })
}
