package clirpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gd2/glusterd2/brickop"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Diagnosis asks the bricks and daemons of volumes.
type Diagnosis interface {
	ProfileStart(ctx context.Context, name string) (api.VolumeInfo, error)
	ProfileStop(ctx context.Context, name string) (api.VolumeInfo, error)
	Profile(ctx context.Context, name, what string) ([]api.BrickProfile, error)
	Top(ctx context.Context, name, what string, req api.TopReq) ([]api.BrickTop, error)
	Status(ctx context.Context, name, what, brick, daemon string) ([]api.ProcessState, error)
	ClientList(ctx context.Context, name string) ([]api.ClientCount, error)
}

// Values of op in requests for profile and top.
const (
	statsStart = 1
	statsStop  = 2
	statsInfo  = 3
	statsTop   = 4
)

func (s *Server) stats(ctx context.Context, in gfrpc.Dict) (answer, error) {
	name, out := in.String(keyVolume), echo(in)
	op, _ := in.Int("op")
	var err error
	if on, _ := in.Int("nfs"); on != 0 || in.String("nfs") == "true" {
		return answer{}, api.Errorf(api.NotSupported, "there is no NFS server in this GlusterFS")
	}
	switch op {
	case statsStart:
		_, err = s.cfg.Diagnosis.ProfileStart(ctx, name)
		out.SetInt(keyCount, 0)
	case statsStop:
		_, err = s.cfg.Diagnosis.ProfileStop(ctx, name)
		out.SetInt(keyCount, 0)
	case statsInfo:
		err = s.profile(ctx, out, name)
	case statsTop:
		err = s.top(ctx, out, name)
	default:
		err = api.FieldErrorf("op", "profile has no operation %d", op)
	}
	return answer{dict: out}, aboutProfile(aboutVolume(err, "Volume %s is not started."), op, name)
}

// aboutProfile puts the refusal of a profile in the words of glusterd.
func aboutProfile(err error, op int64, name string) error {
	var told *fault
	switch {
	case errors.As(err, &told) || !api.IsKind(err, api.State):
		return err
	case op == statsStart:
		return failed(errInternal, "Profile on Volume "+name+" is already started")
	}
	return failed(errInternal, "Profile on Volume "+name+" is not started")
}

// infoClear is the value of info-op that sets the counts to nothing.
const infoClear = 4

// profileOf tells what a request for a profile asks for.
func profileOf(in gfrpc.Dict) (string, error) {
	op, _ := in.Int("info-op")
	peek, _ := in.Int("peek")
	what, ok := map[[2]int64]string{
		{1, 0}: api.ProfileInfo, {1, 1}: api.ProfilePeek, {2, 0}: api.ProfileIncremental, {2, 1}: api.ProfileIncrementalPeek,
		{3, 0}: api.ProfileCumulative, {infoClear, 0}: api.ProfileClear,
	}[[2]int64{op, peek}]
	if !ok {
		return "", api.FieldErrorf("info-op", "a profile has no information %d", op)
	}
	return what, nil
}

func (s *Server) profile(ctx context.Context, out gfrpc.Dict, name string) error {
	what, err := profileOf(out)
	if err != nil {
		return err
	}
	list, err := s.cfg.Diagnosis.Profile(ctx, name, what)
	n := 0
	for _, b := range list {
		if b.Error != "" {
			continue // gluster shows bricks that answer only
		}
		n++
		out.SetString(fmt.Sprintf("%d-brick", n), b.BrickName)
		out.SetString(fmt.Sprintf("%d-info-op", n), out.String("info-op"))
		if what == api.ProfileClear {
			out.SetInt(fmt.Sprintf("%d-stats-cleared", n), 1)
			continue
		}
		putStats(out, n, "cumulative", b.CumulativeStats)
		putStats(out, n, "interval", b.IntervalStats)
	}
	out.SetInt(keyCount, int64(n))
	return err
}

// putStats writes what brick n counted in a span of time, unless it was not asked for.
func putStats(out gfrpc.Dict, n int, span string, st api.ProfileStats) {
	if st.Interval == "" {
		return
	}
	out.SetString(fmt.Sprintf("%d-%s", n, span), st.Interval)
	key := func(format string, args ...any) string {
		return fmt.Sprintf("%d-%s-", n, st.Interval) + fmt.Sprintf(format, args...)
	}
	out.SetString(key("duration"), st.Duration)
	out.SetString(key("total-read"), st.DataRead)
	out.SetString(key("total-write"), st.DataWrite)
	for _, b := range st.Blocks {
		out.SetString(key("read-%d", b.Size), fmt.Sprint(b.Reads))
		out.SetString(key("write-%d", b.Size), fmt.Sprint(b.Writes))
	}
	for fop, figures := range st.StatInfo {
		number, ok := brickop.FopNumber(fop)
		if !ok {
			continue
		}
		for _, name := range []string{"hits", "avglatency", "minlatency", "maxlatency"} {
			if value := figures[name]; value != "" {
				out.SetString(key("%d-%s", number, name), value)
			}
		}
	}
}

// tops are what top lists, by their numbers.
var tops = [...]string{api.TopClear, api.TopOpen, api.TopRead, api.TopWrite, api.TopOpendir, api.TopReaddir, api.TopReadPerf, api.TopWritePerf}

// topCount is how many files are listed unless a request says how many.
const topCount = 100

func (s *Server) top(ctx context.Context, out gfrpc.Dict, name string) error {
	op, _ := out.Int("top-op")
	if op < 0 || int(op) >= len(tops) {
		return api.FieldErrorf("top-op", "top has no list %d", op)
	}
	count, ok := out.Int("list-cnt")
	if !ok {
		count = topCount
	}
	size, _ := out.Int("blk-size")
	blocks, _ := out.Int("blk-cnt")
	list, err := s.cfg.Diagnosis.Top(ctx, name, tops[op], api.TopReq{
		Brick: out.String("brick"), Count: int(count), BlockSize: uint64(max(0, size)), BlockCount: uint64(max(0, blocks)),
	})
	n := 0
	for _, b := range list {
		if b.Error == "" {
			n++
			putTop(out, n, op, b)
		}
	}
	out.SetInt(keyCount, int64(n))
	return err
}

// topOpen is the number of the list of files that were opened most.
const topOpen = 1

func putTop(out gfrpc.Dict, n int, op int64, b api.BrickTop) {
	key := func(format string, args ...any) string { return fmt.Sprintf("%d-", n) + fmt.Sprintf(format, args...) }
	out.SetString(key("brick"), b.BrickName)
	out.SetInt(key("top-op"), op)
	if tops[op] == api.TopClear {
		out.SetInt(key("stats-cleared"), 1)
		return
	}
	if op == topOpen {
		out.SetString(key("current-open"), fmt.Sprint(b.CurrentOpen))
		out.SetString(key("max-open"), fmt.Sprint(b.MaxOpen))
		out.SetString(key("max-openfd-time"), or(b.MaxOpenTime, "N/A"))
	}
	if b.Throughput > 0 {
		out.SetString(key("throughput"), fmt.Sprintf("%f", b.Throughput))
		out.SetString(key("time"), fmt.Sprintf("%f", b.Seconds*1e6)) // microseconds
	}
	out.SetInt(key("members"), int64(len(b.Files)))
	for i, f := range b.Files {
		out.SetString(key("filename-%d", i+1), f.Filename)
		out.SetString(key("value-%d", i+1), fmt.Sprintf("%.0f", f.Value))
		if at, err := time.Parse("2006-01-02 15:04:05.000000 -0700", f.Time); err == nil {
			out.SetInt(key("time-sec-%d", i+1), at.Unix())
			out.SetInt(key("time-usec-%d", i+1), int64(at.Nanosecond()/1000))
		}
	}
}

func or(text, otherwise string) string {
	if strings.TrimSpace(text) == "" {
		return otherwise
	}
	return text
}
