package transaction

import (
	"strings"

	"gd2/pkg/api"
	"gd2/store"
)

// Claim is a part of something limited that a transaction takes for as long as it runs, such as bytes of a device. When
// the transaction ends the claim is gone: what it has really taken is in the records of its commit by then, in the same
// write.
//
// Of two transactions that claim of the same thing and have seen it in the same state, one is refused with Conflict: so
// the sum of what was seen free is never given away twice. Whoever is refused reads again and plans anew.
type Claim struct {
	// Amount is in the unit of what is claimed. 0 claims nothing, but still refuses those who have seen the same state.
	Amount uint64
	// Revision is what ClaimRevision returned, before anything was read that says how much is free.
	Revision int64
}

// claimKind holds, by what is claimed, the id of the transaction that claimed some of it last.
var claimKind = store.NewKind[string](store.PrefixClaims, 1)

// ClaimRevision returns the state of claims on something, for Claim.
func ClaimRevision(r store.Reader, name string) (int64, error) {
	rec, ok, err := claimKind.Get(r, name)
	if err != nil || !ok {
		return 0, err
	}
	return rec.Revision, nil
}

// ClaimLost reports whether a transaction was refused because another has claimed of the same meanwhile.
func ClaimLost(err error) bool {
	return api.IsKind(err, api.Conflict) && strings.HasPrefix(api.AsError(err).Fields[store.FieldKey], claimKind.Prefix())
}

// Claimed adds up what the transactions that have not ended have claimed, by what is claimed.
func Claimed(r store.Reader) (map[string]uint64, error) {
	recs, err := recordKind.List(r)
	if err != nil {
		return nil, err
	}
	sums := map[string]uint64{}
	for _, rec := range recs {
		if rec.Value.State.Finished() {
			continue
		}
		for name, amount := range rec.Value.Claims {
			sums[name] += amount
		}
	}
	return sums, nil
}

// amounts is what the record keeps of claims.
func amounts(claims map[string]Claim) map[string]uint64 {
	if len(claims) == 0 {
		return nil
	}
	out := make(map[string]uint64, len(claims))
	for name, c := range claims {
		out[name] = c.Amount
	}
	return out
}

// claimWrites are the writes of the intent that make claims.
func claimWrites(id string, claims map[string]Claim) []store.Write {
	var writes []store.Write
	for name, c := range claims {
		if c.Revision == 0 {
			writes = append(writes, claimKind.Create(name, id))
		} else {
			writes = append(writes, claimKind.Update(name, id, c.Revision))
		}
	}
	return writes
}
