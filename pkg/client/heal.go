package client

import (
	"context"
	"net/http"
	"net/url"

	"gd2/pkg/api"
)

// What VolumeHealInfo can be asked for.
const (
	HealInfoEntries    = ""                 // the files that wait for healing
	HealInfoSummary    = "info-summary"     // only how many
	HealInfoSplitBrain = "split-brain-info" // the files whose copies contradict each other
)

// VolumeHealInfo says for each brick what is left to heal; what is one of HealInfoEntries, HealInfoSummary and
// HealInfoSplitBrain. Errors: NotFound, State.
func (c *Client) VolumeHealInfo(ctx context.Context, name, what string) ([]api.BrickHealInfo, error) {
	path := volumePath(name, "heal-info")
	if what != HealInfoEntries {
		path = volumePath(name, what, "heal-info")
	}
	return ask[[]api.BrickHealInfo](ctx, c, request{method: http.MethodGet, path: path})
}

// What VolumeHeal can start.
const (
	HealIndex = "index" // heal what is known to need it
	HealFull  = "full"  // compare every file
)

// VolumeHeal starts healing; kind is HealIndex or HealFull. It does not wait for the end. Errors: NotFound, State, and
// Unavailable if it began nowhere.
func (c *Client) VolumeHeal(ctx context.Context, name, kind string) ([]api.BrickHealStart, error) {
	q := url.Values{"type": {kind}}
	return ask[[]api.BrickHealStart](ctx, c, request{method: http.MethodPost, path: volumePath(name, "heal"), query: q})
}

// VolumeSplitBrain ends the split-brain of a file, or of all files; operation is one of api's, such as
// api.SplitBrainBiggerFile. Errors: NotFound, Invalid, State.
func (c *Client) VolumeSplitBrain(ctx context.Context, name, operation string, req api.SplitBrainReq) (api.SplitBrainResult, error) {
	return ask[api.SplitBrainResult](ctx, c, request{method: http.MethodPost, path: volumePath(name, "split-brain", operation), body: req})
}

// VolumeHealCount counts what waits to be healed on each brick of a volume, or of the set of the brick replica, HOST:PATH.
// Errors: NotFound, State.
func (c *Client) VolumeHealCount(ctx context.Context, name, replica string) ([]api.BrickHealCount, error) {
	q := url.Values{}
	if replica != "" {
		q.Set("replica", replica)
	}
	return ask[[]api.BrickHealCount](ctx, c, request{method: http.MethodGet, path: volumePath(name, "heal-count"), query: q})
}

// VolumeHealStatistics tells the latest crawls of the self-heal daemons over each brick. Errors: NotFound, State.
func (c *Client) VolumeHealStatistics(ctx context.Context, name string) ([]api.BrickHealStatistics, error) {
	return ask[[]api.BrickHealStatistics](ctx, c, request{method: http.MethodGet, path: volumePath(name, "heal-statistics")})
}

// VolumeSelfHeal switches the self-heal daemon for a volume. Errors: NotFound, State.
func (c *Client) VolumeSelfHeal(ctx context.Context, name string, on bool) (api.VolumeInfo, error) {
	return c.switchHeal(ctx, name, "self-heal", on)
}

// VolumeGranularHeal switches the healing of folders entry by entry. Errors: NotFound, State if it cannot be switched on now.
func (c *Client) VolumeGranularHeal(ctx context.Context, name string, on bool) (api.VolumeInfo, error) {
	return c.switchHeal(ctx, name, "granular-entry-heal", on)
}

func (c *Client) switchHeal(ctx context.Context, name, what string, on bool) (api.VolumeInfo, error) {
	verb := "disable"
	if on {
		verb = "enable"
	}
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: volumePath(name, what, verb), result: volumePath(name)})
}
