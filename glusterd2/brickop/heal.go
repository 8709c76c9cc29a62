package brickop

import (
	"fmt"
	"strconv"
	"time"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// HealOp is what a self-heal daemon is asked to do.
type HealOp int64

// Values of xl-op of BrickXlatorOp.
const (
	HealIndex      HealOp = 1
	HealFull       HealOp = 2
	HealStatistics HealOp = 7
	HealCount      HealOp = 8
)

// HealRequest asks a self-heal daemon about subvolumes of a volume, by the names of their translators, such as
// gv0-replicate-0.
func HealRequest(volumeName string, subvols []string, op HealOp) gfrpc.Dict {
	d := gfrpc.Strings(map[string]string{"volname": volumeName})
	d.SetInt("xl-op", int64(op))
	d.SetInt("heal-op", int64(op))
	d.SetInt("count", int64(len(subvols)))
	for i, name := range subvols {
		d.SetString(fmt.Sprintf("xl-%d", i), name)
		d.SetInt(name, int64(i))
	}
	return d
}

// healStarted is what a daemon answers for a brick whose crawl it began. It begins them on its own host's bricks only.
const healStarted = "Started self-heal"

// BrickPlace names a brick in the answers about heals: it indexes the subvolumes asked about, and the bricks of that one.
type BrickPlace struct{ Subvol, Brick int }

// ParseHealStatus reads, for each brick of which the daemon says something, what that is, and whether a heal began.
func ParseHealStatus(d gfrpc.Dict) map[BrickPlace]HealStatus {
	out := map[BrickPlace]HealStatus{}
	for at := range places(d, "", "-status") {
		said := text(d, fmt.Sprintf("%d-%d-status", at.Subvol, at.Brick))
		out[at] = HealStatus{Text: said, Started: said == healStarted}
	}
	return out
}

// HealStatus is the daemon's answer for one brick.
type HealStatus struct {
	// Text is the daemon's own, such as "Started self-heal" or "Brick is remote".
	Text    string `json:"text"`
	Started bool   `json:"started"`
}

// ParseHealCounts reads how many entries wait to be healed on each brick. Only figures about the daemon's own host are right.
func ParseHealCounts(d gfrpc.Dict) map[BrickPlace]uint64 {
	out := map[BrickPlace]uint64{}
	for at := range places(d, "", "-hardlinks") {
		out[at] = count(d, fmt.Sprintf("%d-%d-hardlinks", at.Subvol, at.Brick))
	}
	return out
}

// ParseCrawls reads the latest crawls over each brick, the oldest first. Times are those of the daemon's host.
func ParseCrawls(d gfrpc.Dict, zone *time.Location) map[BrickPlace][]api.HealCrawl {
	out := map[BrickPlace][]api.HealCrawl{}
	for at := range places(d, "statistics-", "-count") {
		crawls := []api.HealCrawl{}
		n := bounded(d, fmt.Sprintf("statistics-%d-%d-count", at.Subvol, at.Brick))
		for i := range n {
			key := func(name string) string { return fmt.Sprintf("statistics_%s-%d-%d-%d", name, at.Subvol, at.Brick, i) }
			if _, ok := d[key("crawl_type")]; !ok {
				break
			}
			crawls = append(crawls, api.HealCrawl{
				Type: text(d, key("crawl_type")), StartedAt: crawlTime(d, key("strt_time"), zone), EndedAt: crawlTime(d, key("end_time"), zone),
				Healed: count(d, key("healed_cnt")), SplitBrain: count(d, key("sb_cnt")), Failed: count(d, key("heal_failed_cnt")),
				InProgress: count(d, key("inprogress")) != 0,
			})
		}
		out[at] = crawls
	}
	return out
}

// crawlTime reads a time as ctime(3) writes it, and writes it as RFC 3339; "" if there is none.
func crawlTime(d gfrpc.Dict, key string, zone *time.Location) string {
	at, err := time.ParseInLocation("Mon Jan _2 15:04:05 2006\n", d.String(key), zone)
	if err != nil {
		return ""
	}
	return at.Format(time.RFC3339)
}

// places lists the bricks S-B of which the dictionary has PREFIXS-BSUFFIX.
func places(d gfrpc.Dict, prefix, suffix string) map[BrickPlace]bool {
	out := map[BrickPlace]bool{}
	for key := range d {
		var at BrickPlace
		n := len(key) - len(suffix)
		if n < len(prefix) || key[:len(prefix)] != prefix || key[n:] != suffix {
			continue
		}
		if _, err := fmt.Sscanf(key[len(prefix):n], "%d-%d", &at.Subvol, &at.Brick); err != nil || at.Subvol < 0 || at.Brick < 0 {
			continue
		}
		if strconv.Itoa(at.Subvol)+"-"+strconv.Itoa(at.Brick) == key[len(prefix):n] {
			out[at] = true
		}
	}
	return out
}
