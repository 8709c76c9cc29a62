#!/usr/bin/env bash
# go test with the arguments given. Tests that fail are run once more, by themselves: many of ours measure real processes
# against a clock, on machines that do other things too. What fails twice, or more than a few tests, fails.
set -uo pipefail
most=4
out=$(mktemp)
trap 'rm -f "$out"' EXIT
go test "$@" 2>&1 | tee "$out"
code=${PIPESTATUS[0]}
[ "$code" -ne 0 ] || exit 0
tests=$(sed -nE 's/^--- FAIL: ([A-Za-z0-9_]+) .*/\1/p' "$out" | sort -u)
packages=$(sed -nE 's/^FAIL[[:space:]]+(gd2[^[:space:]]*)[[:space:]]+[0-9.]+s$/\1/p' "$out" | sort -u)
count=$(wc -w <<<"$tests")
if [ "$count" -eq 0 ] || [ "$count" -gt "$most" ] || grep -qE '^panic: |\[(build|setup) failed\]' "$out"; then
	exit "$code"
fi
# shellcheck disable=SC2086 # the packages are words
echo "once more, by themselves:" $tests
timeout=$(printf '%s\n' "$@" | grep -A1 -x -- -timeout | tail -n 1)
# shellcheck disable=SC2086
exec go test -p 1 -parallel 1 -count=1 -timeout "${timeout:-10m}" -run "^($(echo $tests | tr ' ' '|'))\$" $packages
