package xlator

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gd2/pkg/api"
)

// ParseBool reads a boolean as GlusterFS spells it. ok is false if text is no boolean.
func ParseBool(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "1", "on", "yes", "true", "enable":
		return true, true
	case "0", "off", "no", "false", "disable":
		return false, true
	}
	return false, false
}

const boolWords = "on or off (also yes/no, true/false, enable/disable, 1/0)"

// sizeUnits are the units that sizes may carry, in upper case, largest first.
var sizeUnits = []struct {
	name string
	size float64
}{
	{"PB", 1 << 50}, {"TB", 1 << 40}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1},
}

// ParseSize reads a size such as 64MB or 1.5gb into bytes. Units are powers of 1024 and end in B.
func ParseSize(text string) (int64, bool) {
	num, unit := strings.ToUpper(text), 1.0
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(num, u.name); ok {
			num, unit = rest, u.size
			break
		}
	}
	if n, err := strconv.ParseInt(num, 10, 64); err == nil && unit == 1 {
		return n, n >= 0
	}
	f, err := parseDecimal(num)
	if err != nil || f < 0 || f*unit >= math.MaxInt64 {
		return 0, false
	}
	return int64(f * unit), true
}

// parseDecimal reads digits with an optional fraction; unlike strconv it takes no exponents, infinities and the like.
func parseDecimal(text string) (float64, error) {
	if strings.Trim(text, "0123456789.") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(text, 64)
}

// timeUnits are the units that times may carry, as GlusterFS spells them, longest name first.
var timeUnits = []struct {
	name string
	sec  int64
}{
	{"days", 86400}, {"sec", 1}, {"min", 60}, {"hr", 3600}, {"wk", 604800},
	{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800},
}

// ParseTime reads a time such as 42, 10min or 2h into seconds. A number without a unit is seconds.
func ParseTime(text string) (int64, bool) {
	num, unit := text, int64(1)
	for _, u := range timeUnits {
		if rest, ok := strings.CutSuffix(num, u.name); ok {
			num, unit = rest, u.sec
			break
		}
	}
	n, err := strconv.ParseUint(num, 10, 32)
	if err != nil || int64(n)*unit > math.MaxUint32 {
		return 0, false
	}
	return int64(n) * unit, true
}

// parsePercent reads 17 or 17% into a number of 0 to 100.
func parsePercent(text string) bool {
	f, err := parseDecimal(strings.TrimSuffix(text, "%"))
	return err == nil && f <= 100
}

// parseInt reads a whole number; 0x and a leading 0 mean hexadecimal and octal, as everywhere in GlusterFS.
func parseInt(text string) (int64, bool) {
	if strings.ContainsAny(text, "_oObB") && !strings.HasPrefix(strings.ToLower(text), "0x") {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 0, 64)
	return n, err == nil
}

// Validate checks the value of an option, given by its full name, against its type, range and list of values. What
// depends on the volume is checked by ValidateFor. The error is Invalid and names the option, the value, and what would
// be right.
func (t *Table) Validate(key, value string) error {
	if err := plainText("value of "+key, value); err != nil {
		return err
	}
	if IsUser(key) {
		return nil
	}
	r, ok := t.row(key)
	if !ok {
		return t.unknown(key)
	}
	check := func(value string) string {
		if want := typed(r, value); want != "" {
			return want
		}
		return cacheSize(r, value)
	}
	if rule, ok := rules[key]; ok {
		check = rule
	}
	if want := check(value); want != "" {
		return wrong(r, value, want)
	}
	return nil
}

func wrong(r *Row, value, want string) error {
	return api.FieldErrorf("options", "option %s: %.60q is not valid: it must be %s", r.Key, value, want)
}

// typed checks a value by the type of its row. It returns what would be right, or "" if all is well.
func typed(r *Row, value string) string {
	switch kind(r) {
	case "BOOL":
		if _, ok := ParseBool(value); !ok {
			return boolWords
		}
	case "INT":
		n, ok := parseInt(value)
		return inRange(r, n, ok, "a whole number", strconv.FormatInt)
	case "SIZET":
		n, ok := ParseSize(value)
		return inRange(r, n, ok, "a size, such as 64MB,", sizeText)
	case "TIME":
		n, ok := ParseTime(value)
		return inRange(r, n, ok, "a time in seconds, or with a unit (sec, min, hr, days, wk) as in 10min,", strconv.FormatInt)
	case "PERCENT":
		if !parsePercent(value) {
			return "a percentage from 0 to 100, such as 10%"
		}
	case "PERCENT_OR_SIZET":
		_, isSize := ParseSize(value)
		isPercent := strings.HasSuffix(value, "%") && parsePercent(value)
		if !isPercent && (!isSize || strings.Contains(value, ".")) {
			return "a percentage from 0% to 100%, or a size in whole units, such as 64MB"
		}
	case "PATH":
		if !strings.HasPrefix(value, "/") || strings.Contains(value, "../") {
			return "an absolute path without ../"
		}
	case "INTERNET_ADDRESS_LIST":
		return addressList(value)
	case "PRIORITY_LIST":
		return priorityList(value)
	case "STR", "":
		return oneOf(r.Values, value)
	}
	return ""
}

// kind is the type of a row; where the translators name none, a boolean or a whole number as the default tells.
func kind(r *Row) string {
	if r.Type != "" && r.Type != "ANY" {
		return r.Type
	}
	if k, ok := kinds[r.Key]; ok {
		return k
	}
	if r.Default == nil || *r.Default == "*" {
		return ""
	}
	if _, err := strconv.Atoi(*r.Default); err == nil {
		return "INT"
	}
	if _, ok := ParseBool(*r.Default); ok {
		return "BOOL"
	}
	return ""
}

// kinds are types that no translator tells, by what the options mean.
var kinds = map[string]string{
	"client.own-thread": "BOOL", "server.own-thread": "BOOL", "client.ta-brick-port": "INT", "cluster.nufa": "BOOL",
	"cluster.switch": "BOOL", "cluster.localtime-logging": "BOOL", "config.memory-accounting": "BOOL",
	"ssl.own-cert": "PATH", "ssl.private-key": "PATH", "ssl.ca-list": "PATH", "ssl.certificate-depth": "INT",
	"cluster.strict-readdir": "BOOL", "cluster.readdir-failover": "BOOL",
	"cluster.op-version": "INT", "cluster.max-op-version": "INT",
}

func inRange(r *Row, n int64, ok bool, what string, show func(int64, int) string) string {
	const base = 10
	if ok && (r.Min == nil || n >= *r.Min) && (r.Max == nil || n <= *r.Max) {
		return ""
	}
	switch {
	case r.Min != nil && r.Max != nil:
		return fmt.Sprintf("%s from %s to %s", what, show(*r.Min, base), show(*r.Max, base))
	case r.Min != nil:
		return fmt.Sprintf("%s of at least %s", what, show(*r.Min, base))
	}
	return strings.TrimSuffix(what, ",")
}

// sizeText writes a size with the largest unit that divides it.
func sizeText(n int64, _ int) string {
	for _, u := range sizeUnits[:5] {
		if s := int64(u.size); n >= s && n%s == 0 {
			return strconv.FormatInt(n/s, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

func oneOf(values []string, value string) string {
	if len(values) == 0 {
		return ""
	}
	for _, v := range values {
		if v == value {
			return ""
		}
	}
	return "one of " + strings.Join(values, ", ")
}

// priorityList checks a list of pattern:number pairs, as in *.html:5,*.jpg:1.
func priorityList(value string) string {
	for _, p := range strings.Split(value, ",") {
		pattern, prio, ok := strings.Cut(p, ":")
		if _, err := strconv.Atoi(prio); !ok || err != nil || pattern == "" {
			return "a comma-separated list of pattern:priority, such as *.html:5,*.iso:1"
		}
	}
	return ""
}
