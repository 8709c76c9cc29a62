package cmd

import (
	"fmt"
	"strings"
	"time"

	"gd2/pkg/api"
)

// progress shows how far an operation is that the command waits for: on a terminal as one line that changes, else as a line
// for every change that is worth one.
type progress struct {
	a     *app
	began time.Time
	first int64  // what was done at began, of the step
	step  string // that first belongs to
	shown string
}

// tell is client.Config.Progress.
func (p *progress) tell(o api.Operation) {
	if p.a.quiet || p.a.format() != formatTable {
		return
	}
	if o.Ended() || o.State == api.OperationStuck {
		p.clear()
		return
	}
	done, total, unit := sum(o.Progress)
	if p.step != o.Step || p.began.IsZero() {
		p.began, p.first, p.step = time.Now(), done, o.Step
	}
	text := o.Operation + ": " + stepText(o)
	if unit != "" {
		text += ", " + reached(done, total, unit) + pace(done-p.first, total-done, unit, time.Since(p.began))
	}
	if note := noteOf(o.Progress); note != "" {
		text += "; " + note
	}
	if p.a.ErrTerminal {
		say(p.a.Err, "\r\x1b[K%s", text)
		p.shown = text
		return
	}
	// Not every percent is worth a line in a log.
	key := fmt.Sprintf("%s %s %v", o.State, o.Step, o.Undo)
	if o.Percent != nil {
		key += fmt.Sprint(int(*o.Percent) / 10)
	}
	key += digits.Replace(noteOf(o.Progress))
	if key != p.shown {
		p.shown = key
		say(p.a.Err, "%s (operation %s)\n", text, o.ID)
	}
}

// clear takes the line off the terminal.
func (p *progress) clear() {
	if p.a.ErrTerminal && p.shown != "" {
		say(p.a.Err, "\r\x1b[K")
	}
	p.shown = ""
}

// stepText says what an operation does now; empty if it does nothing.
func stepText(o api.Operation) string {
	if o.Ended() {
		return ""
	}
	text := o.State
	if o.Step != "" {
		text = o.Step
		if o.Undo {
			text = "undoing " + o.Step
		}
	}
	if o.Percent != nil {
		text += fmt.Sprintf(", %.0f%%", *o.Percent)
	}
	if n := len(o.PeerErrors); n > 0 {
		text += ", waiting for " + count(n, "peer")
	}
	return text
}

// digits takes the numbers out of a text: one that differs in them only is no news.
var digits = strings.NewReplacer("0", "", "1", "", "2", "", "3", "", "4", "", "5", "", "6", "", "7", "", "8", "", "9", "")

// noted is what a peer reports, in words.
func noted(p api.PeerProgress) (out []string) {
	if p.Unit != "" {
		out = append(out, reached(p.Done, p.Total, p.Unit))
	}
	if p.Note != "" {
		out = append(out, p.Note)
	}
	return out
}

// noteOf is the first note of the peers.
func noteOf(all []api.PeerProgress) string {
	for _, p := range all {
		if p.Note != "" {
			return p.Note
		}
	}
	return ""
}

// sum adds up what the peers report.
func sum(all []api.PeerProgress) (done, total int64, unit string) {
	for _, p := range all {
		done, total, unit = done+p.Done, total+p.Total, p.Unit
	}
	return done, total, unit
}

// reached writes done of total units.
func reached(done, total int64, unit string) string {
	if total > 0 {
		return quantity(done, unit) + " of " + quantity(total, unit)
	}
	return quantity(done, unit)
}

func quantity(n int64, unit string) string {
	if unit == "bytes" {
		return size(uint64(max(n, 0)))
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// pace writes the rate and the time left, as far as they can be told.
func pace(done, left int64, unit string, took time.Duration) string {
	if done <= 0 || took < time.Second {
		return ""
	}
	rate := float64(done) / took.Seconds()
	text := fmt.Sprintf(", %s/s", strings.TrimSpace(quantity(int64(rate), unit)))
	if left > 0 && rate > 0 {
		text += fmt.Sprintf(", %s left", time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second))
	}
	return text
}
