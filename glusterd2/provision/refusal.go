package provision

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gd2/pkg/api"
)

// Passed is a device that was passed over, and why.
type Passed struct {
	// Device is host:name.
	Device string
	Reason string
}

// Refusal tells why a volume finds no place.
type Refusal struct {
	// Reason is the whole in a sentence.
	Reason string
	Passed []Passed
}

// Error implements error. It names every device that was passed over.
func (r *Refusal) Error() string {
	var b strings.Builder
	b.WriteString(r.Reason)
	for i, p := range r.Passed {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep + p.Device + " " + p.Reason)
	}
	return b.String()
}

// APIError returns the refusal as REST clients see it: the kind is State, since more room may come.
func (r *Refusal) APIError() *api.Error {
	return api.Errorf(api.State, "%s", r.Error())
}

// candidates returns the indexes of the devices that the request admits, whatever room they have.
func candidates(r *Request, devices []Device) []int {
	var out []int
	for i := range devices {
		if barred(r, &devices[i]) == "" {
			out = append(out, i)
		}
	}
	return out
}

// barred says why a request does not admit a device; empty if it does.
func barred(r *Request, d *Device) string {
	switch {
	case d.Unusable != "":
		return "is " + d.Unusable
	case d.KeptFor != "" && d.KeptFor != r.from:
		return "is kept for the bricks of the device that it replaces"
	case len(r.LimitPeers) > 0 && !d.on(r.LimitPeers):
		return "is not on one of the peers of limit-peers"
	case d.on(r.ExcludePeers):
		return "is on a peer of exclude-peers"
	case len(r.LimitZones) > 0 && !slices.Contains(r.LimitZones, d.Zone):
		return fmt.Sprintf("is in zone %s, not in one of limit-zones", d.Zone)
	case slices.Contains(r.ExcludeZones, d.Zone):
		return fmt.Sprintf("is in zone %s of exclude-zones", d.Zone)
	}
	for _, rule := range r.Rules {
		switch has := d.Tags[rule.Tag]; {
		case rule.Not && has == rule.Value:
			return fmt.Sprintf("has tag %s=%s, which the request excludes", rule.Tag, has)
		case !rule.Not && has != rule.Value:
			return fmt.Sprintf("has tag %s=%s, the request wants %s", rule.Tag, has, cmp.Or(rule.Value, "none"))
		}
	}
	return ""
}

// on reports whether the device is on one of some peers, or on one that is in the place of one of them.
func (d *Device) on(peers []string) bool {
	return slices.Contains(peers, d.PeerID) || slices.ContainsFunc(d.Replaces, func(id string) bool { return slices.Contains(peers, id) })
}

// unfit says why a device that the request admits cannot take the next brick; empty if it can.
func (p *placer) unfit(i int, arbiter bool) string {
	d := &p.devices[i]
	size, cost := p.need(d, arbiter)
	switch tag := d.Tags[ArbiterTag]; {
	case arbiter && tag == ArbiterDisabled:
		return "takes no arbiter bricks (tag arbiter=disabled)"
	case !arbiter && tag == ArbiterRequired:
		return "takes arbiter bricks only (tag arbiter=required)"
	case size < d.Sizing.MinBrick:
		return fmt.Sprintf("takes no brick below %s KiB, this one has %s", kib(d.Sizing.MinBrick), kib(size))
	case cost > p.free[i]:
		return fmt.Sprintf("needs %s KiB, has %s", kib(cost), kib(p.free[i]))
	}
	return ""
}

// refusal tells why the placer came to an end: what remains on each device is what the bricks placed before have left.
func (p *placer) refusal(n int) *Refusal {
	out := &Refusal{Reason: fmt.Sprintf("no room for %d x %d bricks of %s KiB, each subvolume on %d different %ss",
		n, p.r.width(), kib(p.brick), p.r.width(), p.domainName())}
	if p.exact > 0 {
		out.Reason = fmt.Sprintf("no room for a brick of %s KiB on another %s", kib(p.exact), p.domainName())
	}
	for i := range p.devices {
		out.Passed = append(out.Passed, Passed{p.devices[i].Host + ":" + p.devices[i].Name, p.why(i)})
	}
	return out
}

func (p *placer) domainName() string {
	if p.r.Domain == Zone {
		return "zone"
	}
	return "peer"
}

// why says why a device did not take the brick for which no place was found.
func (p *placer) why(i int) string {
	d := &p.devices[i]
	reason := barred(p.r, d)
	if reason == "" {
		reason = p.unfit(i, false)
	}
	if reason == "" && p.shut(d) {
		reason = fmt.Sprintf("shares its %s with another brick of the subvolume", p.domainName())
	}
	if reason == "" {
		reason = p.unfit(i, true)
	}
	if reason == "" {
		reason = "has room, but not beside the other bricks of the subvolume"
	}
	return reason
}

// tooSmall is the refusal of a request whose bricks would be smaller, or more, than is possible.
func tooSmall(r *Request, ids []int, devices []Device) *Refusal {
	n := 1
	if counts := r.counts(); len(counts) > 0 {
		n = counts[0]
	}
	if len(r.counts()) == 0 {
		return &Refusal{Reason: fmt.Sprintf("%s KiB in bricks of at most %s KiB are more than %d bricks", kib(r.Size), kib(r.MaxBrick), r.MaxBricks)}
	}
	return &Refusal{Reason: fmt.Sprintf("bricks of %s KiB are too small: the least is %s KiB", kib(r.brickSize(n)), kib(r.smallest(ids, devices)))}
}

// kib writes bytes as KiB, rounded up, with commas.
func kib(bytes uint64) string {
	digits := fmt.Sprint(bytes/1024 + min(bytes%1024, 1))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
