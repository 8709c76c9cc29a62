package rest

import (
	"context"
	"strings"

	"gd2/pkg/api"
)

type fakeQuotas struct{ f *fake }

var _ Quotas = fakeQuotas{}

func (q fakeQuotas) answer(call string) (api.Quota, error) {
	return api.Quota{Enabled: true, Crawls: []api.QuotaCrawl{}}, q.f.call(call)
}

func (q fakeQuotas) Get(_ context.Context, v string) (api.Quota, error) {
	return q.answer("quota " + v)
}

func (q fakeQuotas) Enable(_ context.Context, v string) (api.Quota, error) {
	return q.answer("quota enable " + v)
}

func (q fakeQuotas) Disable(_ context.Context, v string) (api.Quota, error) {
	return q.answer("quota disable " + v)
}

func (q fakeQuotas) Limits(_ context.Context, v, typ string, paths []string) ([]api.QuotaLimit, error) {
	return []api.QuotaLimit{{Path: "/"}}, q.f.call("quota list " + v + " " + typ + " " + strings.Join(paths, ","))
}

func (q fakeQuotas) SetLimit(_ context.Context, v string, req api.QuotaLimitReq) (api.QuotaLimit, error) {
	return api.QuotaLimit{Path: req.Path}, q.f.call("quota limit " + v + " " + req.Path + " " + req.HardLimit)
}

func (q fakeQuotas) RemoveLimit(_ context.Context, v string, req api.QuotaRemoveReq) error {
	return q.f.call("quota remove " + v + " " + req.Path + " " + req.Type)
}
