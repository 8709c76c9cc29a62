package rest

import (
	"context"

	"gd2/pkg/api"
)

type fakeReplacing struct{ f *fake }

var _ Replacing = fakeReplacing{}

func (b fakeReplacing) Replace(_ context.Context, name string, r api.ReplaceBrickReq) (api.VolumeInfo, error) {
	return info(name), b.f.call("replace", name, r.SrcPeerID+r.SrcPath, r.DestPeerID+r.DestPath)
}

func (b fakeReplacing) ResetStart(_ context.Context, name string, r api.ResetBrickReq) (api.VolumeInfo, error) {
	return info(name), b.f.call("reset start", name, r.PeerID+r.Path)
}

func (b fakeReplacing) ResetCommit(_ context.Context, name string, r api.ResetBrickReq) (api.VolumeInfo, error) {
	return info(name), b.f.call("reset commit", name, r.PeerID+r.Path)
}
