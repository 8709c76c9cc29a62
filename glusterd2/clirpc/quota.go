package clirpc

import (
	"context"
	"strconv"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Quotas is the limits of directories.
type Quotas interface {
	Get(ctx context.Context, volume string) (api.Quota, error)
	Enable(ctx context.Context, volume string) (api.Quota, error)
	Disable(ctx context.Context, volume string) (api.Quota, error)
	Limits(ctx context.Context, volume, typ string, paths []string) ([]api.QuotaLimit, error)
	SetLimit(ctx context.Context, volume string, req api.QuotaLimitReq) (api.QuotaLimit, error)
	RemoveLimit(ctx context.Context, volume string, req api.QuotaRemoveReq) error
}

// Values of type in requests about quota.
const (
	quotaEnable        = 1
	quotaDisable       = 2
	quotaLimit         = 3
	quotaRemove        = 4
	quotaList          = 5
	quotaAlertTime     = 7
	quotaSoftTimeout   = 8
	quotaHardTimeout   = 9
	quotaDefaultSoft   = 10
	quotaLimitObjects  = 12
	quotaListObjects   = 13
	quotaRemoveObjects = 14
	quotaEnableObjects = 15
)

// quotaOptions are the options of a volume that quota has commands for.
var quotaOptions = map[int64]string{
	quotaAlertTime: "features.alert-time", quotaSoftTimeout: "features.soft-timeout", quotaHardTimeout: "features.hard-timeout",
	quotaDefaultSoft: "features.default-soft-limit",
}

func (s *Server) quota(ctx context.Context, in gfrpc.Dict) (answer, error) {
	name, out := in.String(keyVolume), echo(in)
	op, _ := in.Int("type")
	var err error
	switch op {
	case quotaEnable:
		_, err = s.cfg.Quotas.Enable(ctx, name)
	case quotaDisable:
		_, err = s.cfg.Quotas.Disable(ctx, name)
	case quotaEnableObjects:
		err = s.countsObjects(ctx, name)
	case quotaLimit, quotaLimitObjects:
		err = s.setLimit(ctx, in, objectsIf(op == quotaLimitObjects))
	case quotaRemove, quotaRemoveObjects:
		err = s.cfg.Quotas.RemoveLimit(ctx, name, api.QuotaRemoveReq{Path: in.String("path"), Type: objectsIf(op == quotaRemoveObjects)})
	case quotaList, quotaListObjects:
		err = s.listLimits(ctx, out, objectsIf(op == quotaListObjects))
	case quotaAlertTime, quotaSoftTimeout, quotaHardTimeout, quotaDefaultSoft:
		req := api.VolumeOptionReq{Options: map[string]string{quotaOptions[op]: in.String("value")}}
		_, err = s.cfg.Options.SetOptions(ctx, name, req)
	default:
		err = api.FieldErrorf("type", "quota has no operation %d", op)
	}
	return answer{dict: out}, aboutVolume(err, "")
}

func objectsIf(objects bool) string {
	if objects {
		return api.QuotaObjects
	}
	return api.QuotaUsage
}

// countsObjects answers inode-quota enable: quota counts files and directories as soon as it is enabled.
func (s *Server) countsObjects(ctx context.Context, name string) error {
	q, err := s.cfg.Quotas.Get(ctx, name)
	if err == nil && !q.Enabled {
		err = api.Errorf(api.State, "Quota is disabled. Enabling quota will enable inode quota too: use 'volume quota %s enable'", name)
	}
	return err
}

func (s *Server) setLimit(ctx context.Context, in gfrpc.Dict, typ string) error {
	req := api.QuotaLimitReq{Path: in.String("path"), Type: typ, HardLimit: in.String("hard-limit")}
	if soft := in.String("soft-limit"); soft != "" && soft != "-1" {
		percent, err := strconv.Atoi(strings.TrimSuffix(soft, "%"))
		if err != nil {
			return api.FieldErrorf("soft-limit", "soft limit %.20q is no percentage", soft)
		}
		req.SoftLimit = &percent
	}
	_, err := s.cfg.Quotas.SetLimit(ctx, in.String(keyVolume), req)
	return err
}

// listLimits answers quota list. What the directories hold the command asks of the quota daemon and the volume by itself;
// which have limits it reads from a file, which is written here, and the volume it looks for at a mount, which it takes away.
func (s *Server) listLimits(ctx context.Context, out gfrpc.Dict, typ string) error {
	name := out.String(keyVolume)
	q, err := s.cfg.Quotas.Get(ctx, name)
	if err != nil {
		return err
	}
	if !q.Enabled {
		return api.Errorf(api.State, "Quota is disabled, please enable quota")
	}
	limits, err := s.cfg.Quotas.Limits(ctx, name, typ, nil)
	if err != nil {
		return err
	}
	out.SetString("default-soft-limit", q.DefaultSoftLimit)
	if err := s.cfg.Files.WriteLimits(name, limits); err != nil {
		return err
	}
	return s.cfg.Files.Mount(ctx, name)
}
