#!/bin/sh
# Installs from Debian what the demo, the end-to-end tests and the benchmark need, and what is named as arguments besides. Says so,
# and does nothing if all is there.
set -eu
missing=
for package in glusterfs-server glusterfs-client glusterfs-cli python3-pyxattr openssh-client xfsprogs curl attr lvm2 iproute2 nftables e2fsprogs make mount util-linux procps "$@"; do
	dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing from Debian:$missing" >&2
if [ "$(id -u)" != 0 ]; then
	echo "run this as root, or install them yourself" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >&2
# shellcheck disable=SC2086 # the names are words
apt-get install -q -y --no-install-recommends $missing >&2
