package brick

import (
	"slices"
	"strings"
)

// Fit is what a brick's volfile says of its process as a whole. Bricks with the same Fit can share a process: the
// translator protocol/server that their clients meet is that of the process's first brick, whichever volume that one is
// of, and so are its threads. Who may connect (auth.*) is kept for each brick, and so is everything below. What a
// volume says of the log holds for the process too, but bricks are not kept apart for that: neither does glusterd.
func Fit(volfile string) string {
	var fit []string
	server := false
	for line := range strings.Lines(volfile) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[0] == "type":
			server = words[1] == "protocol/server"
		case len(words) < 3 || words[0] != "option":
		case server && !strings.HasPrefix(words[1], "auth"), words[1] == "global-threading", words[1] == "threads":
			fit = append(fit, strings.Join(words[1:], " "))
		}
	}
	slices.Sort(fit)
	return strings.Join(fit, "\n")
}
