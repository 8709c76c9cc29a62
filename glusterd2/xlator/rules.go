package xlator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gd2/pkg/api"
)

// rules are the checks of options to which glusterd, or the translator when it starts, gives rules that the table does
// not tell. They take the place of the check by type, and return what would be right, or "".
var rules = map[string]func(value string) string{
	"auth.allow":                        accessList,
	"auth.reject":                       accessList,
	"auth.ssl-allow":                    func(string) string { return "" }, // names in certificates, which may be anything
	"transport.address-family":          words("inet", "inet6"),
	"config.transport":                  words("tcp"),
	"cluster.rebal-throttle":            throttle,
	"features.snapshot-directory":       dotName,
	"features.retention-mode":           words("relax", "enterprise"),
	"features.trash-dir":                fileName,
	"locks.mandatory-locking":           words("off", "file", "forced", "optimal"),
	"cluster.daemon-log-level":          words("DEBUG", "WARNING", "ERROR", "INFO", "CRITICAL", "NONE", "TRACE"),
	"features.scrub-throttle":           words("lazy", "normal", "aggressive"),
	"features.scrub-freq":               words("hourly", "daily", "weekly", "biweekly", "monthly", "minute"),
	"features.scrub":                    words("pause", "resume", "ondemand", "Active", "Inactive"),
	"debug.trace":                       debugLayer,
	"debug.error-gen":                   debugLayer,
	"debug.delay-gen":                   debugLayer,
	"storage.batch-fsync-mode":          words("none", "syncfs", "syncfs-single-fsync", "syncfs-reverse-fsync", "reverse-fsync"),
	"transport.listen-backlog":          countOf(0, 1<<31-1),
	"storage.health-check-interval":     countOf(0, 1<<31-1),
	"storage.health-check-timeout":      countOf(0, 1<<31-1),
	"storage.max-hardlinks":             countOf(0, 1<<31-1),
	"features.default-retention-period": countOf(0, 1<<31-1),
	"features.auto-commit-period":       countOf(0, 1<<31-1),
	"transport.keepalive":               countOf(0, 1),
	"client.keepalive-count":            countOf(0, 1<<31-1),
	"client.keepalive-interval":         countOf(0, 1<<31-1),
	"client.keepalive-time":             countOf(0, 1<<31-1),
	"client.tcp-user-timeout":           countOf(0, 1<<31-1),
	"server.keepalive-count":            countOf(0, 1<<31-1),
	"server.keepalive-interval":         countOf(0, 1<<31-1),
	"server.keepalive-time":             countOf(0, 1<<31-1),
	"ssl.certificate-depth":             countOf(0, 100),
	"client.ta-brick-port":              countOf(1, 65535),
	"cluster.brick-multiplex":           boolean,
	"cluster.max-bricks-per-process":    bricksPerProcess,
	"glusterd.vol_count_per_thread":     countOf(1, 1<<31-1),
}

// boolean accepts what GlusterFS takes for on and off.
func boolean(value string) string {
	if _, ok := ParseBool(value); !ok {
		return "on or off"
	}
	return ""
}

// bricksPerProcess accepts a limit on the bricks of one process: one brick would be no sharing.
func bricksPerProcess(value string) string {
	if n, ok := parseInt(value); !ok || n < 0 || n == 1 || n > 1<<16 {
		return "a whole number from 2 to 65536, or 0 for no limit"
	}
	return ""
}

// words accepts a few words only.
func words(allowed ...string) func(string) string {
	return func(value string) string { return oneOf(allowed, value) }
}

// countOf accepts whole numbers of a range.
func countOf(low, high int64) func(string) string {
	return func(value string) string {
		if n, ok := parseInt(value); !ok || n < low || n > high {
			return fmt.Sprintf("a whole number from %d to %d", low, high)
		}
		return ""
	}
}

// throttle accepts the three words and a number of threads.
func throttle(value string) string {
	if n, err := strconv.ParseUint(value, 10, 16); err == nil && n > 0 {
		return ""
	}
	if oneOf([]string{"lazy", "normal", "aggressive"}, value) == "" {
		return ""
	}
	return "lazy, normal, aggressive or a number of threads"
}

// dotName accepts the name of a hidden directory.
func dotName(value string) string {
	if len(value) < 2 || value[0] != '.' || value == ".." || fileName(value) != "" {
		return "the name of a directory that begins with a dot, such as .snaps"
	}
	return ""
}

func fileName(value string) string {
	if strings.ContainsAny(value, "/ ") || len(value) > 255 || value == "." || value == ".." {
		return "the name of a directory, without / and spaces, of at most 255 bytes"
	}
	return ""
}

// cacheSize bounds the caches of the client that the table leaves open. One that is larger than the host's memory makes
// every mount of the volume fail, and glusterd lets that pass.
func cacheSize(r *Row, value string) string {
	const limit = 1 << 40
	unbounded := kind(r) == "SIZET" && r.Max == nil && strings.HasPrefix(r.Key, "performance.")
	if n, ok := ParseSize(value); unbounded && ok && n > limit {
		return "a size of at most " + sizeText(limit, 0) + ", and less than the memory of the clients"
	}
	return ""
}

// debugLayers are the layers above which a debugging translator can be put.
var debugLayers = []string{
	"posix", "arbiter", "trash", "changelog", "bitrot-stub", "access-control", "locks", "worm", "read-only", "leases",
	"upcall", "io-threads", "selinux", "marker", "barrier", "index", "quota", "cdc", "namespace", "sdfs", "client",
}

func debugLayer(value string) string {
	if on, ok := ParseBool(value); ok && !on {
		return ""
	}
	if want := oneOf(debugLayers, value); want != "" {
		return "off, or the layer to watch: " + want
	}
	return ""
}

// featureQuota is the name of the feature that owns the options of quotas.
const featureQuota = "quota"

// managed are the options that belong to a feature, which sets them together with what else it needs.
var managed = map[string]string{
	"features.quota": featureQuota, "features.inode-quota": featureQuota, "features.limit-usage": featureQuota,
	"features.bitrot": "bitrot detection", "features.scrub": "bitrot detection",
	"features.scrub-freq": "bitrot detection", "features.scrub-throttle": "bitrot detection",
	"ganesha.enable": "NFS-Ganesha", "cluster.op-version": "the pool's upgrade", "cluster.max-op-version": "the pool's upgrade",
}

// poolOnly are the options that hold for all volumes at once or not at all.
var poolOnly = map[string]bool{
	"cluster.server-quorum-ratio": true, "cluster.enable-shared-storage": true, "cluster.brick-multiplex": true,
	"cluster.brick-graceful-cleanup": true, "glusterd.vol_count_per_thread": true,
	"cluster.max-bricks-per-process": true, "cluster.localtime-logging": true, "cluster.daemon-log-level": true,
	"cluster.op-version": true, "cluster.max-op-version": true,
}

// idle are options of glusterd that have no effect here, and what to do instead. They are refused, so that nobody counts on them.
var idle = map[string]string{
	"cluster.localtime-logging": "the logs are in UTC, as those of gd2 are",
	"cluster.enable-shared-storage": "create a volume for it and mount it yourself, such as 'glustercli volume create gluster_shared_storage replica 3 …' " +
		"and 'mount -t glusterfs localhost:/gluster_shared_storage /run/gluster/shared_storage'",
	"cluster.brick-graceful-cleanup": "bricks of a shared process are always detached in full",
	"glusterd.vol_count_per_thread":  "gd2 does not load volumes one by one when it starts",
	"features.uss":                   "there are no snapshots yet whose files it could show",
}

// noEffect refuses what is idle, unless it is switched off.
func noEffect(key, value string) error {
	if instead := idle[key]; instead != "" && !isOff(value) {
		return api.FieldErrorf("options", "option %s=%.60s has no effect here: %s", key, value, instead)
	}
	return nil
}

// isOff reports whether a value switches something off, as everything that is idle is.
func isOff(value string) bool {
	on, ok := ParseBool(value)
	return ok && !on
}

// PoolWide reports whether an option holds for all volumes and cannot be set on one.
func (t *Table) PoolWide(key string) bool { return poolOnly[key] }

// Shape is what the checks of options need to know of a volume.
type Shape struct {
	// Type is api.SubvolDistribute, SubvolReplicate or SubvolDisperse.
	Type string
	// Volume is the volume's name, Subvols the number of its subvolumes, Clients the names of its bricks' client translators.
	Volume  string
	Subvols int
	Clients []string
	// Replica counts the bricks of a replicated subvolume, arbiter included.
	Replica int
	// Disperse and Redundancy count the bricks of a dispersed subvolume, and those that it can lose.
	Disperse, Redundancy int
}

// ValidateFor checks an option, given by its full name, for a volume: that it can be set on one volume, that its value
// is valid, and that it fits the volume's shape. The error is Invalid.
func (t *Table) ValidateFor(key, value string, s Shape) error {
	if poolOnly[key] {
		return api.FieldErrorf("options", "option %s holds for all volumes: it cannot be set on one; set it for the cluster", key)
	}
	if feature, ok := managed[key]; ok {
		return api.FieldErrorf("options", "option %s belongs to %s and cannot be set by itself", key, feature)
	}
	if err := t.Validate(key, value); err != nil {
		return err
	}
	if err := noEffect(key, value); err != nil {
		return err
	}
	msg := s.wrongType(key)
	if msg == "" {
		msg = s.fits(key, value)
	}
	if msg != "" {
		return api.FieldErrorf("options", "option %s=%.60s does not fit volume %s: %s", key, value, s.Volume, msg)
	}
	return nil
}

// Refit checks options that are set for a shape that their volume is to get. Those for volumes of another type have no effect
// then, and may stay. The error is State: the volume would not serve, or could not be mounted.
func Refit(set map[string]string, s Shape) error {
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if msg := s.fits(key, set[key]); msg != "" && s.wrongType(key) == "" {
			return api.Errorf(api.State, "option %s=%.60s would not fit volume %s any more: %s; set or reset it first", key, set[key], s.Volume, msg).
				With(FieldOption, key)
		}
	}
	return nil
}

// replicateOnly and disperseOnly are the options that glusterd refuses for volumes of other types.
var (
	replicateOnly = []string{
		"cluster.data-self-heal", "cluster.metadata-self-heal", "cluster.entry-self-heal", "cluster.self-heal-daemon",
		"cluster.shd-max-threads", "cluster.quorum-count",
	}
	disperseOnly = []string{"cluster.disperse-self-heal-daemon", "disperse.shd-max-threads", "disperse.quorum-count"}
)

// wrongType says why an option is none for a volume of this type; "" if it is.
func (s Shape) wrongType(key string) string {
	switch {
	case oneOf(replicateOnly, key) == "" && s.Type != api.SubvolReplicate:
		return "it is for replicated volumes only"
	case oneOf(disperseOnly, key) == "" && s.Type != api.SubvolDisperse:
		return "it is for dispersed volumes only"
	}
	return ""
}

// fits says why a valid value is wrong for a volume of this shape; "" if it is right.
func (s Shape) fits(key, value string) string {
	n, _ := parseInt(value)
	switch key {
	case "cluster.quorum-count":
		if n > int64(s.Replica) {
			return fmt.Sprintf("the quorum is at most the replica count, %d", s.Replica)
		}
	case "disperse.quorum-count":
		if low := s.Disperse - s.Redundancy; n != 0 && (n < int64(low) || n > int64(s.Disperse)) {
			return fmt.Sprintf("the quorum is from %d (data bricks) to %d (all bricks), or 0", low, s.Disperse)
		}
	case "cluster.subvols-per-directory":
		if n > int64(s.Subvols) {
			return fmt.Sprintf("the volume has %d subvolumes", s.Subvols)
		}
	case "cluster.lock-migration":
		if on, _ := ParseBool(value); on && s.Type != api.SubvolDistribute {
			return "locks can be migrated on purely distributed volumes only"
		}
	case "cluster.heal-timeout":
		if s.Type == api.SubvolDisperse && n < 60 {
			return "dispersed volumes are crawled every 60 seconds at most"
		}
	case "cluster.read-subvolume":
		return s.isClient(value)
	case "cluster.read-subvolume-index":
		if n >= int64(s.Replica) {
			return fmt.Sprintf("the index is from 0 to %d, or -1 for none", s.Replica-1)
		}
	}
	return ""
}

// isClient demands a client that there is: with the name of another no process of the volume accepts its volfile.
func (s Shape) isClient(name string) string {
	if want := oneOf(s.Clients, name); want != "" {
		return "it names the client of a brick: " + want
	}
	return ""
}

// Consistent checks all options of a volume together. The error is Invalid and names both options of a clash.
func (t *Table) Consistent(options map[string]string) error {
	on := func(key string) bool { v, _ := ParseBool(options[key]); return v }
	for _, c := range []struct {
		clash bool
		a, b  string
	}{
		{on("cluster.nufa") && on("cluster.switch"), "cluster.nufa", "cluster.switch"},
		{on("features.read-only") && on("features.worm"), "features.read-only", "features.worm"},
	} {
		if c.clash {
			return api.FieldErrorf("options", "options %s and %s cannot both be on", c.a, c.b)
		}
	}
	if raw, set := options["performance.read-after-open"]; set && !on("performance.read-after-open") && on("server.root-squash") {
		return api.FieldErrorf("options", "option performance.read-after-open=%s: it must be on while server.root-squash is", raw)
	}
	for _, key := range []string{"quota-deem-statfs", "default-soft-limit", "soft-timeout", "hard-timeout", "alert-time"} {
		if options["features."+key] != "" && !on("features.quota") {
			return api.FieldErrorf("options", "option features.%s needs quota: enable quota on the volume first", key)
		}
	}
	if options["cluster.quorum-type"] == "fixed" && options["cluster.quorum-count"] == "" {
		return api.FieldErrorf("options", "option cluster.quorum-type=fixed needs cluster.quorum-count")
	}
	return cacheBounds(options)
}

// cacheBounds checks that io-cache keeps at least one size of file.
func cacheBounds(options map[string]string) error {
	const low, high = "performance.cache-min-file-size", "performance.cache-max-file-size"
	minSize, _ := ParseSize(options[low])
	maxSize, _ := ParseSize(options[high])
	if maxSize > 0 && minSize > maxSize {
		return api.FieldErrorf("options", "option %s=%s is greater than %s=%s", low, options[low], high, options[high])
	}
	return nil
}
