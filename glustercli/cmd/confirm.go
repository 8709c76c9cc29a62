package cmd

import (
	"bufio"
	"context"
	"strings"

	"gd2/pkg/api"
)

// confirm asks before something is destroyed or interrupted. --yes answers for everybody; without a terminal there is
// nobody to ask and the command is refused.
func (a *app) confirm(ctx context.Context, consequence string) error {
	if a.yes || a.dryRun {
		return nil
	}
	if !a.CanAsk {
		return usagef("%s; this needs a confirmation and there is no terminal to ask on: repeat it with --yes", consequence)
	}
	say(a.Err, "%s. Continue? (y/n) ", strings.ToUpper(consequence[:1])+consequence[1:])
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.In).ReadString('\n') // the end of input is no answer, so no
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case s := <-answer:
		if s == "y" || s == "yes" {
			return nil
		}
		return api.Errorf(api.State, "not confirmed; nothing was changed")
	case <-ctx.Done():
		return api.Errorf(api.Timeout, "interrupted; nothing was changed")
	}
}
