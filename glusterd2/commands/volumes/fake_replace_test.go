package volumes

import (
	"context"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

var _ ReplaceHost = fakeHost{}

func (h fakeHost) HealRoot(ctx context.Context, v *volume.Volume, b volume.Brick) error {
	return h.each(ctx, v.Part(b), "heal-root", func(string) error { return nil })
}

func (h fakeHost) Release(ctx context.Context, part *volume.Volume) error {
	return h.each(ctx, part, "release", func(at string) error {
		delete(h.bricks, at)
		return nil
	})
}

func (h fakeHost) SurveyRelease(_ context.Context, part *volume.Volume) ([]api.Effect, error) {
	return onBricks(part, h.peerID, api.ActionChange, api.OnXattr, ""), nil
}
