package brickop

import "gd2/pkg/gfrpc"

// BarrierRequest makes a brick hold back the answers to what makes changes last, or let them through.
func BarrierRequest(volumeName string, enable bool) gfrpc.Dict {
	word := "disable"
	if enable {
		word = "enable"
	}
	return gfrpc.Strings(map[string]string{"volname": volumeName, "barrier": word})
}
