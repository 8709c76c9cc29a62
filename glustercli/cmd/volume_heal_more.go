package cmd

import (
	"context"
	"io"
	"strings"

	"gd2/pkg/api"
)

// parseStatistics reads what comes after statistics.
func parseStatistics(volume string, rest []string) (healAct, error) {
	switch {
	case len(rest) == 0:
		return healStatistics(volume), nil
	case rest[0] == "heal-count" && len(rest) == 1:
		return healCount(volume, ""), nil
	case rest[0] == "heal-count" && len(rest) == 3 && rest[1] == "replica":
		return healCount(volume, rest[2]), nil
	}
	return nil, usagef("%s is not understood; after statistics comes nothing, heal-count, or heal-count replica HOST:PATH", quoted(strings.Join(rest, " ")))
}

func healCount(volume, replica string) healAct {
	return func(ctx context.Context, a *app) error {
		bricks, err := a.client.VolumeHealCount(ctx, volume, replica)
		if err != nil {
			return err
		}
		err = a.emit(bricks, func(w io.Writer) {
			say(w, "Gathering count of entries to be healed%s on volume %s has been successful\n", map[bool]string{true: " per replica"}[replica != ""], volume)
			for _, b := range bricks {
				if b.Error == "" {
					say(w, "\nBrick %s\nNumber of entries: %d\n", b.Brick, b.Entries)
				}
			}
		})
		return orGaps(err, bricks, func(b api.BrickHealCount) (string, string) { return b.Brick, b.Error })
	}
}

func healStatistics(volume string) healAct {
	return func(ctx context.Context, a *app) error {
		bricks, err := a.client.VolumeHealStatistics(ctx, volume)
		if err != nil {
			return err
		}
		err = a.emit(bricks, func(w io.Writer) {
			say(w, "Gathering crawl statistics on volume %s has been successful\n", volume)
			for i, b := range bricks {
				writeCrawls(w, i, b)
			}
		})
		return orGaps(err, bricks, func(b api.BrickHealStatistics) (string, string) { return b.Brick, b.Error })
	}
}

// writeCrawls writes the crawls over one brick as gluster does.
func writeCrawls(w io.Writer, i int, b api.BrickHealStatistics) {
	if b.Error != "" {
		return
	}
	say(w, "------------------------------------------------\n\nCrawl statistics for brick no %d\nHostname of brick %s\n", i, b.Host)
	for _, c := range b.Crawls {
		say(w, "\nStarting time of crawl: %s\n\n", c.StartedAt)
		if c.InProgress {
			say(w, "Crawl is in progress\n")
		} else {
			say(w, "Ending time of crawl: %s\n\n", c.EndedAt)
		}
		say(w, "Type of crawl: %s\nNo. of entries healed: %d\nNo. of entries in split-brain: %d\nNo. of heal failed entries: %d\n", c.Type, c.Healed, c.SplitBrain, c.Failed)
	}
}

// parseSplitBrain reads what comes after split-brain.
func parseSplitBrain(volume string, rest []string) (healAct, error) {
	if len(rest) < 2 {
		return nil, usagef("after split-brain comes bigger-file FILE, latest-mtime FILE, or source-brick HOST:PATH [FILE]")
	}
	req, most := api.SplitBrainReq{FileName: rest[1]}, 2
	if rest[0] == api.SplitBrainSource {
		host, path, ok := strings.Cut(rest[1], ":/")
		if !ok || host == "" {
			return nil, usagef("%s is no brick; after source-brick comes one as HOST:PATH", quoted(rest[1]))
		}
		req, most = api.SplitBrainReq{HostName: host, BrickName: "/" + path}, 3
		if len(rest) > 2 {
			req.FileName = rest[2]
		}
	}
	if len(rest) > most {
		return nil, usagef("%s is too much", quoted(rest[most]))
	}
	return splitBrain(volume, rest[0], req), nil
}

func splitBrain(volume, operation string, req api.SplitBrainReq) healAct {
	return func(ctx context.Context, a *app) error {
		if req.FileName == "" {
			why := "for every file of volume " + volume + " in split-brain the copy on " + req.HostName + ":" + req.BrickName + " replaces the others"
			if err := a.confirm(ctx, why); err != nil {
				return err
			}
		}
		r, err := a.client.VolumeSplitBrain(ctx, volume, operation, req)
		if err != nil {
			return err
		}
		return a.done(r, "%s", r.Message)
	}
}
