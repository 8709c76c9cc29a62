package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gd2/pkg/api"
)

const mib = 1 << 20

// TestQuota limits directories of a volume that had files before it had a quota, and meets the limits through a mount.
func TestQuota(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, 0)
	const volume = "quo"
	p.create(volume, append([]string{"replica", "2"}, p.bricks(volume, 2)...)...)
	dir := p.mount(1, volume)
	p.must(os.MkdirAll(filepath.Join(dir, "old", "deep"), 0o755))
	p.must(os.Mkdir(filepath.Join(dir, "many"), 0o755))
	p.must(writeMiB(filepath.Join(dir, "old", "deep", "before"), 3))

	p.quotaRefused("limit-usage of a volume without quota", "not enabled", volume, "limit-usage", "/old", "10MB")
	p.cli("volume", "quota", volume, "enable")
	p.quotaRefused("enable twice", "already", volume, "enable")
	p.quotaRefused("limit of a file", "is no directory", volume, "limit-usage", "/old/deep/before", "10MB")
	p.quotaRefused("limit of nothing", "does not exist", volume, "limit-usage", "/new", "10MB")
	p.quotaRefused("size", "10GB", volume, "limit-usage", "/old", "much")
	p.quotaRefused("soft limit", "0 to 100", volume, "limit-usage", "/old", "10MB", "101")
	p.quotaRefused("relative", "absolute", volume, "limit-usage", "old", "10MB")
	p.counted(volume, 2)
	for verb, value := range map[string]string{"soft-timeout": "0", "hard-timeout": "0", "default-soft-limit": "75%", "alert-time": "1d"} {
		p.cli("volume", "quota", volume, verb, value)
	}
	p.cli("volume", "quota", volume, "limit-usage", "/old", "10MB")
	p.cliOn(2, "volume", "quota", volume, "limit-objects", "/many", "5", "60")
	p.useOf(volume, api.QuotaUsage, "/old", func(l api.QuotaLimit) bool {
		return l.Used == 3*mib && l.HardLimit == 10*mib && l.SoftLimitPercent == 75 && l.Available == 7*mib
	})
	t.Run("limits", func(t *testing.T) { limitsHold(p.in(t), volume, dir) })
	t.Run("restarts", func(t *testing.T) { quotaSurvives(p.in(t), volume, dir) })
	t.Run("remove", func(t *testing.T) { quotaRemoved(p.in(t), volume, dir) })
}

// limitsHold meets the limits: of bytes, and of objects.
func limitsHold(p pool, volume, dir string) {
	t := p.t
	var fs unix.Statfs_t
	p.eventually(20*time.Second, func(context.Context) error {
		if err := unix.Statfs(filepath.Join(dir, "old"), &fs); err != nil {
			return err
		}
		if total := fs.Blocks * uint64(fs.Bsize); total != 10*mib {
			return fmt.Errorf("df of a directory with a limit of 10 MiB shows %d bytes", total)
		}
		return nil
	})
	p.must(writeMiB(filepath.Join(dir, "old", "fits"), 4))
	p.useOf(volume, api.QuotaUsage, "/old", func(l api.QuotaLimit) bool { return l.Used == 7*mib && !l.SoftExceeded })
	p.fillUp(filepath.Join(dir, "old"))
	p.useOf(volume, api.QuotaUsage, "/old", func(l api.QuotaLimit) bool { return l.Used >= 10*mib && l.HardExceeded && l.SoftExceeded })
	p.must(writeMiB(filepath.Join(dir, "outside"), 12))

	var err error
	for i := range 10 {
		if err = os.WriteFile(filepath.Join(dir, "many", fmt.Sprint(i)), nil, 0o644); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.EDQUOT) {
		t.Errorf("ten files in a directory that may have five objects: %v", err)
	}
	out := p.cli("volume", "quota", volume, "list-objects")
	if !strings.Contains(out, "/many") || !strings.Contains(out, "60%(3)") || !strings.Contains(out, "Yes") {
		t.Errorf("list of objects:\n%s", out)
	}
}

// quotaSurvives kills what serves quotas, and renames a directory that has a limit.
func quotaSurvives(p pool, volume, dir string) {
	ctx := p.t.Context()
	before := p.quotaDaemon(volume, "node1", 0)
	p.must(p.Peer(1).Kill9(ctx, before))
	after := p.quotaDaemon(volume, "node1", before)
	p.must(p.Peer(1).KillDaemon(ctx))
	p.must(p.Peer(1).Start(ctx))
	if now := p.quotaDaemon(volume, "node1", 0); now != after {
		p.t.Errorf("the quota daemon was not adopted: process %d after %d", now, after)
	}
	p.must(os.Rename(filepath.Join(dir, "old"), filepath.Join(dir, "renamed")))
	p.useOf(volume, api.QuotaUsage, "/renamed", func(l api.QuotaLimit) bool { return l.HardLimit == 10*mib && l.HardExceeded })
	p.fillUp(filepath.Join(dir, "renamed"))
	p.cli("volume", "stop", volume)
	p.cli("volume", "start", volume)
	p.waitBricks(volume)
	p.useOf(volume, api.QuotaUsage, "/renamed", func(l api.QuotaLimit) bool { return l.HardExceeded })
}

// quotaRemoved takes the limits away, first one, then all with the quota itself, and deletes a volume that has limits.
func quotaRemoved(p pool, volume, dir string) {
	t := p.t
	p.cli("volume", "quota", volume, "remove", "/renamed")
	p.quotaRefused("remove twice", "has no", volume, "remove", "/renamed")
	p.eventually(20*time.Second, func(context.Context) error { return writeMiB(filepath.Join(dir, "renamed", "freed"), 4) })
	p.must(os.RemoveAll(filepath.Join(dir, "many")))
	p.cli("volume", "quota", volume, "limit-usage", "/renamed", "1MB")
	p.cli("volume", "quota", volume, "disable")
	p.quotaRefused("list without quota", "not enabled", volume, "list")
	p.eventually(20*time.Second, func(context.Context) error { return writeMiB(filepath.Join(dir, "renamed", "free"), 4) })
	p.eventually(20*time.Second, func(ctx context.Context) error {
		status, err := p.rest(1).VolumeStatus(ctx, volume)
		for _, d := range status.Daemons {
			if d.Name == "Quota Daemon" {
				return fmt.Errorf("quota is off, and there is %+v", d)
			}
		}
		return err
	})
	// On again: nothing of the first time counts.
	p.cli("volume", "quota", volume, "enable")
	p.counted(volume, 2)
	p.cli("volume", "quota", volume, "limit-usage", "/", "1GB")
	p.useOf(volume, api.QuotaUsage, "/", func(l api.QuotaLimit) bool { return l.Used > 20*mib && !l.SoftExceeded })
	p.cli("volume", "stop", volume)
	p.cli("volume", "delete", volume)
	if left, err := filepath.Glob(p.Peer(1).Path("/run/glusterd2/quota/*")); err != nil || len(left) > 0 {
		t.Errorf("mounts are left: %v, %v", left, err)
	}
}

// writeMiB writes a file of n MiB and has it reach the bricks.
func writeMiB(name string, n int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(bytes.Repeat([]byte("quota 4 "), n*mib/8))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// fillUp writes into a directory until its limit stops that, with EDQUOT.
func (p pool) fillUp(dir string) {
	p.t.Helper()
	for i := range 20 {
		err := writeMiB(filepath.Join(dir, fmt.Sprintf("fill%02d", i)), 1)
		if errors.Is(err, syscall.EDQUOT) {
			return
		}
		if errors.Is(err, syscall.EIO) {
			continue // a brick refused what the mount had taken already; the next write is told why
		}
		p.must(err)
	}
	p.t.Errorf("20 MiB were written into %s, which may have 10", dir)
}

// counted waits until n bricks have counted what they had.
func (p pool) counted(volume string, n int) {
	p.t.Helper()
	p.eventually(60*time.Second, func(ctx context.Context) error {
		q, err := p.rest(1).Quota(ctx, volume)
		if err != nil {
			return err
		}
		done := 0
		for _, c := range q.Crawls {
			if c.State == api.CrawlDone {
				done++
			}
		}
		if done != n || !q.Enabled {
			return fmt.Errorf("%d of %d bricks have counted: %+v", done, n, q)
		}
		return nil
	})
}

// useOf waits until a limit is listed, by both peers, as it should be.
func (p pool) useOf(volume, typ, path string, want func(api.QuotaLimit) bool) {
	p.t.Helper()
	for n := 1; n <= 2; n++ {
		p.eventually(30*time.Second, func(ctx context.Context) error {
			list, err := p.rest(n).QuotaLimits(ctx, volume, typ, path)
			if err == nil && (len(list) != 1 || list[0].Error != "" || !want(list[0])) {
				err = fmt.Errorf("the limit of %s is %+v", path, list)
			}
			return err
		})
	}
}

// quotaDaemon waits until the quota daemon of a peer runs as another process than old, and returns its id.
func (p pool) quotaDaemon(volume, host string, old int) int {
	p.t.Helper()
	pid := 0
	p.eventually(30*time.Second, func(ctx context.Context) error {
		status, err := p.rest(2).VolumeStatus(ctx, volume)
		if err != nil {
			return err
		}
		for _, d := range status.Daemons {
			if d.Name == "Quota Daemon" && d.Hostname == host && d.Online && d.Pid != old {
				pid = d.Pid
				return nil
			}
		}
		return fmt.Errorf("the quota daemon of %s is not up: %+v", host, status.Daemons)
	})
	return pid
}

// quotaRefused runs a quota command that must fail with some words.
func (p pool) quotaRefused(what, words string, args ...string) {
	p.t.Helper()
	_, err := p.Peer(1).CLI(p.t.Context(), append([]string{"volume", "quota"}, args...)...)
	if err == nil || !strings.Contains(err.Error(), words) {
		p.t.Errorf("%s: %v, want an error with %q", what, err, words)
	}
}
