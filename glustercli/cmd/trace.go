package cmd

import (
	"strings"
	"time"

	"gd2/pkg/client"
)

// maxTraced bounds how much of a body --debug shows, in bytes.
const maxTraced = 4 << 10

// trace shows one exchange on standard error. Bodies that may carry secrets are not shown.
func (a *app) trace(x client.Exchange) {
	secret := strings.Contains(x.URL, "/v1/join") || strings.Contains(x.URL, "/v1/peers/token") ||
		strings.Contains(x.URL, "/v1/events/webhook")
	say(a.Err, "> %s %s\n", x.Method, x.URL)
	if len(x.Request) > 0 {
		say(a.Err, "> %s\n", shown(x.Request, secret))
	}
	took := x.Took.Round(time.Microsecond)
	if x.Status == 0 {
		say(a.Err, "< %v (%s)\n", x.Err, took)
		return
	}
	say(a.Err, "< %d (%s, request %s)\n", x.Status, took, orDash(x.RequestID))
	if len(x.Answer) > 0 {
		say(a.Err, "< %s\n", shown(x.Answer, secret))
	}
}

func shown(body []byte, secret bool) string {
	switch {
	case secret:
		return "(not shown: it carries a secret)"
	case len(body) > maxTraced:
		return strings.TrimSpace(string(body[:maxTraced])) + "..."
	}
	return strings.TrimSpace(string(body))
}
