package provision

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func growDevices(free ...uint64) []Device {
	var out []Device
	for i, f := range free {
		name := string(rune('a' + i))
		out = append(out, Device{ID: name, PeerID: name, Host: name, Zone: name, Name: "/dev/sdb", Size: 1 << 40, Free: f, Sizing: Sizing{Unit: 4 << 20, Thin: true, MinBrick: 300 << 20}})
	}
	return out
}

// placed is a volume of a size on devices with all room.
func placed(t testing.TB, r Request, n int) (Plan, []Device) {
	t.Helper()
	free := make([]uint64, n)
	for i := range free {
		free[i] = 1 << 40
	}
	devices := growDevices(free...)
	plan, err := Place(r, devices)
	if err != nil {
		t.Fatal(err)
	}
	return plan, devices
}

func TestGrow(t *testing.T) {
	r := Request{Size: 10 << 30, Replica: 3, Arbiter: 1, Reserve: 1.5}
	plan, devices := placed(t, r, 3)
	got, err := Grow(r, plan.Subvols, 5<<30, devices)
	if err != nil {
		t.Fatal(err)
	}
	r.Size = 15 << 30
	want, _ := placed(t, r, 3)
	for i, b := range got[0] {
		if b != want.Subvols[0][i] {
			t.Errorf("grown %+v, made at once %+v", b, want.Subvols[0][i])
		}
	}
}

func TestGrowRefuses(t *testing.T) {
	r := Request{Size: 1 << 30, Replica: 2}
	plan, _ := placed(t, r, 2)
	for name, tt := range map[string]struct {
		change func(r *Request, d []Device)
		want   string
	}{
		"no room":  {func(_ *Request, d []Device) { d[1].Free = 10 << 20 }, "b:/dev/sdb needs 1,052,672 KiB more, has 10,240"},
		"disabled": {func(_ *Request, d []Device) { d[0].Unusable = "disabled" }, "a:/dev/sdb is disabled"},
		"bounded":  {func(r *Request, _ []Device) { r.MaxBrick = 2<<30 - 1 }, "max-brick-size"},
		"unknown":  {func(_ *Request, d []Device) { d[0].ID = "x" }, "no device that is known"},
	} {
		r, devices := r, growDevices(1<<40, 1<<40)
		tt.change(&r, devices)
		if _, err := Grow(r, plan.Subvols, 1<<30, devices); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// However a volume has grown, no brick is smaller or cheaper than before, and no device gives more than it has.
func TestGrowKeepsToRoom(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := Request{
			Size: rapid.Uint64Range(1<<30, 20<<30).Draw(rt, "size"), Replica: rapid.IntRange(1, 3).Draw(rt, "replica"),
			Reserve: rapid.Float64Range(1, 3).Draw(rt, "reserve"),
		}
		plan, _ := placed(t, r, 3)
		room := rapid.Uint64Range(0, 1<<37)
		devices := growDevices(room.Draw(rt, "a"), room.Draw(rt, "b"), room.Draw(rt, "c"))
		more := rapid.Uint64Range(1, 20<<30).Draw(rt, "more")
		got, err := Grow(r, plan.Subvols, more, devices)
		if err != nil {
			return
		}
		taken := map[string]uint64{}
		for i, set := range got {
			for j, b := range set {
				was := plan.Subvols[i][j]
				if b.Size != was.Size+more || b.Cost < was.Cost || b.Pool < b.Size || b.Cost < b.Pool {
					rt.Fatalf("%+v became %+v", was, b)
				}
				taken[b.DeviceID] += b.Cost - was.Cost
			}
		}
		for _, d := range devices {
			if taken[d.ID] > d.Free {
				rt.Fatalf("%s gives %d of %d", d.ID, taken[d.ID], d.Free)
			}
		}
	})
}
