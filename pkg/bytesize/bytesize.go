// Package bytesize reads and writes sizes as people write them.
package bytesize

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size. It is written with the units of GlusterFS: 512MB and 512MiB are the same, 512 << 20 bytes.
type Bytes int64

// byteUnits are the units, the largest first.
var byteUnits = [...]struct {
	name  string
	shift uint
}{{"T", 40}, {"G", 30}, {"M", 20}, {"K", 10}}

// Parse reads a size such as 2GiB, 512MB or 1048576.
func Parse(text string) (Bytes, error) {
	number, shift := strings.ToUpper(strings.TrimSpace(text)), uint(0)
	for _, u := range byteUnits {
		for _, suffix := range []string{u.name + "IB", u.name + "B", u.name} {
			if rest, ok := strings.CutSuffix(number, suffix); ok && shift == 0 {
				number, shift = rest, u.shift
			}
		}
	}
	if shift == 0 {
		number = strings.TrimSuffix(number, "B")
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		return 0, fmt.Errorf("%q is not a size such as 2GiB or 512MiB", text)
	}
	return Bytes(n << shift), nil
}

// String writes the size in the largest unit of which it is a whole number.
func (b Bytes) String() string {
	for _, u := range byteUnits {
		if b > 0 && b%(1<<u.shift) == 0 {
			return fmt.Sprintf("%d%siB", b>>u.shift, u.name)
		}
	}
	return fmt.Sprintf("%dB", int64(b))
}
