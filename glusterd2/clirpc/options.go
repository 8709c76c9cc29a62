package clirpc

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Options is the options of volumes.
type Options interface {
	Options(ctx context.Context, volume string) ([]api.VolumeOption, error)
	Option(ctx context.Context, volume, option string) (api.VolumeOption, error)
	SetOptions(ctx context.Context, volume string, req api.VolumeOptionReq) (api.VolumeInfo, error)
	ResetOptions(ctx context.Context, volume string, req api.VolumeOptionResetReq) (api.VolumeInfo, error)
	OptionHelp(ctx context.Context, name string) ([]api.OptionHelp, error)
}

// Cluster is the options of the whole pool.
type Cluster interface {
	Options(ctx context.Context) ([]api.ClusterOption, error)
	SetOptions(ctx context.Context, req api.ClusterOptionReq) ([]api.ClusterOption, error)
}

// allVolumes is the name that stands for the pool where a volume is named, and the key that stands for all options.
const allVolumes = "all"

// maxPairs bounds the options of one request.
const maxPairs = 500

// pairs reads the options of a request, which has two words for each: key1, value1 and so on.
func pairs(in gfrpc.Dict) (map[string]string, error) {
	words, _ := in.Int(keyCount)
	if words > 2*maxPairs {
		return nil, api.FieldErrorf(keyCount, "%d options at once: at most %d", words/2, maxPairs)
	}
	out := map[string]string{}
	for i := 1; ; i++ {
		key := in.String(fmt.Sprintf("key%d", i))
		if key == "" || i > maxPairs {
			return out, nil
		}
		out[key] = in.String(fmt.Sprintf("value%d", i))
	}
}

func (s *Server) set(ctx context.Context, in gfrpc.Dict) (answer, error) {
	volume := in.String(keyVolume)
	if volume == "help" || volume == "help-xml" {
		return s.setHelp(ctx, in, volume == "help-xml")
	}
	options, err := pairs(in)
	if err != nil {
		return answer{}, err
	}
	var v api.VolumeInfo
	if volume == allVolumes {
		_, err = s.cfg.Cluster.SetOptions(ctx, api.ClusterOptionReq{Options: options})
	} else {
		v, err = s.cfg.Options.SetOptions(ctx, volume, api.VolumeOptionReq{Options: options})
	}
	return withID(in, v), aboutOption(err)
}

// optionField is the field of errors that names an option that does not exist.
const optionField = xlator.FieldOption

// aboutOption is aboutVolume with the refusal of an unknown option.
func aboutOption(err error) error {
	if e := api.AsError(err); e != nil && e.Fields[optionField] != "" {
		return failed(errInternal, "option : "+e.Fields[optionField]+" does not exist\n"+e.Error())
	}
	return aboutVolume(err, "")
}

func (s *Server) reset(ctx context.Context, in gfrpc.Dict) (answer, error) {
	volume, key := in.String(keyVolume), in.String("key")
	var v api.VolumeInfo
	var err error
	if volume == allVolumes {
		err = s.resetPool(ctx, key)
	} else {
		req := api.VolumeOptionResetReq{Options: []string{key}, Force: forced(in)}
		if key == allVolumes {
			req.Options, req.All = nil, true
		}
		v, err = s.cfg.Options.ResetOptions(ctx, volume, req)
	}
	return withID(in, v), aboutOption(err)
}

// resetPool puts an option of the pool back to its default, or all of them.
func (s *Server) resetPool(ctx context.Context, key string) error {
	list, err := s.cfg.Cluster.Options(ctx)
	req := api.ClusterOptionReq{Options: map[string]string{}}
	for _, o := range list {
		if o.Modified && (key == allVolumes || key == o.Key) {
			req.Options[o.Key] = ""
		}
	}
	if err == nil && (len(req.Options) > 0 || key != allVolumes) {
		if len(req.Options) == 0 {
			req.Options[key] = "" // to hear whether there is such an option
		}
		_, err = s.cfg.Cluster.SetOptions(ctx, req)
	}
	return err
}

// unsetMark follows the values that nobody has set, and nothing is a value that is not there: glusterd's words.
const (
	unsetMark = " (DEFAULT)"
	nothing   = "(null)"
)

func (s *Server) getOption(ctx context.Context, in gfrpc.Dict) (answer, error) {
	volume, key := in.String(keyVolume), in.String("key")
	var list []api.VolumeOption
	var err error
	switch {
	case volume == allVolumes:
		list, err = s.poolOptions(ctx, key)
	case key == allVolumes:
		list, err = s.cfg.Options.Options(ctx, volume)
	default:
		list = make([]api.VolumeOption, 1)
		list[0], err = s.cfg.Options.Option(ctx, volume, key)
	}
	out := echo(in)
	out.SetInt(keyCount, int64(len(list)))
	for i, o := range list {
		out.SetString(fmt.Sprintf("key%d", i+1), o.Name)
		o.Modified = o.Modified || volume != allVolumes && s.cfg.Written(o.Name)
		out.SetString(fmt.Sprintf("value%d", i+1), shown(o))
	}
	return answer{dict: out}, aboutOption(err)
}

func shown(o api.VolumeOption) string {
	value := cmp.Or(o.Value, nothing)
	if !o.Modified {
		value += unsetMark
	}
	return value
}

// poolOptions lists the options of the pool, or the one named.
func (s *Server) poolOptions(ctx context.Context, key string) ([]api.VolumeOption, error) {
	list, err := s.cfg.Cluster.Options(ctx)
	if err != nil {
		return nil, err
	}
	var out []api.VolumeOption
	for _, o := range list {
		if key == allVolumes || key == o.Key {
			isVersion := strings.HasSuffix(o.Key, "op-version") // which glusterd never calls a default
			out = append(out, api.VolumeOption{Name: o.Key, Value: o.Value, Modified: o.Modified || isVersion})
		}
	}
	if len(out) == 0 {
		return nil, api.FieldErrorf("key", "option %.60q is not one for all volumes", key)
	}
	return out, nil
}

// setHelp answers volume set help, and help-xml.
func (s *Server) setHelp(ctx context.Context, in gfrpc.Dict, asXML bool) (answer, error) {
	list, err := s.cfg.Options.OptionHelp(ctx, "")
	if err != nil {
		return answer{}, err
	}
	slices.SortFunc(list, func(a, b api.OptionHelp) int { return strings.Compare(a.Name, b.Name) })
	text := helpText(list)
	if asXML {
		if text, err = helpXML(list); err != nil {
			return answer{}, err
		}
	}
	out := echo(in)
	out.SetString("help-str", text)
	return answer{dict: out}, nil
}
