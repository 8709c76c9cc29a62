package rest

import (
	"context"
	"fmt"

	"gd2/pkg/api"
)

type fakeHeketi struct{ f *fake }

var _ Heketi = fakeHeketi{}

func (h fakeHeketi) Import(_ context.Context, r api.HeketiImportReq) (api.HeketiImport, error) {
	return api.HeketiImport{Steps: []api.HeketiImportStep{{Subject: "cluster c", Action: api.ImportAdopt}}, Warnings: []string{}},
		h.f.call("heketi import", string(r.Dump), fmt.Sprint(len(r.Volumes)))
}
