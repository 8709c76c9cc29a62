package device

import (
	"slices"

	"gd2/glusterd2/volume"
	"gd2/store"
)

// Debt is a brick that was given up and that its peer removes by itself: as soon as its process has ended, or when the peer is
// back. Until then it takes its room of the device.
type Debt struct {
	// Volume is the volume as it was, with this brick only.
	Volume *volume.Volume `json:"volume"`
}

// Debts holds them, by brick id.
var Debts = store.NewKind[*Debt](store.PrefixDebts, 1)

// Brick is the brick of the debt.
func (d *Debt) Brick() volume.Brick { return d.Volume.Bricks()[0] }

// Owe returns the writes that note the bricks of a part that gd2 has made and that are on peers other than those who remove them
// at once.
func Owe(part *volume.Volume, at []string) []store.Write {
	var out []store.Write
	for _, b := range part.Bricks() {
		if b.Device != "" && !slices.Contains(at, b.PeerID) {
			out = append(out, Debts.Create(b.ID, &Debt{Volume: part.Part(b)}))
		}
	}
	return out
}

// DebtsOn returns the revisions of the debts on a device, by brick id, and the bytes that they take.
func DebtsOn(r store.Reader, deviceID string) (map[string]int64, uint64, error) {
	recs, err := Debts.List(r)
	out, bytes := map[string]int64{}, uint64(0)
	for _, rec := range recs {
		if b := rec.Value.Brick(); b.Device == deviceID {
			out[rec.ID] = rec.Revision
			bytes += b.Cost
		}
	}
	return out, bytes, err
}
