package rest

import (
	"context"
	"fmt"

	"gd2/pkg/api"
)

type fakeProcesses struct{ f *fake }

var _ Processes = fakeProcesses{}

func (p fakeProcesses) Statedump(_ context.Context, name string, req api.StatedumpReq) ([]api.Statedump, error) {
	return []api.Statedump{{Name: "n1:/b", File: "/run/d"}}, p.f.call("statedump", name, fmt.Sprintf("%+v", req))
}
func (p fakeProcesses) RotateLogs(_ context.Context, name, brick string) ([]api.RotatedLog, error) {
	return []api.RotatedLog{{Name: "n1:/b", Log: "/log/b"}}, p.f.call("log rotate", name, brick)
}
