#!/bin/sh
# Installs from Debian what the tests in the virtual machine need: QEMU, the tools of thin pools, and a kernel that has thin pools. The kernel is
# unpacked into the folder that is named, not installed. Does nothing if all is there.
set -eu
to=$(realpath -m "${1:?the folder for the kernel}")
cd "$(dirname "$0")"
# From Debian 13 on the server of the shared filesystem is a package of its own.
virtiofsd=
if [ ! -x /usr/lib/qemu/virtiofsd ] && apt-cache show virtiofsd >/dev/null 2>&1; then virtiofsd=virtiofsd; fi
./install-deps.sh thin-provisioning-tools qemu-system-x86 busybox-static kmod cpio $virtiofsd

[ ! -e "$to/kernel/done" ] || exit 0
rm -rf "$to/kernel"
mkdir -p "$to/kernel"
apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1 || apt-get update -q >&2
package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
echo "unpacking $package" >&2
cd "$to/kernel"
# Without a sandbox: the folder need not be open to apt's own user.
apt-get download -q -o APT::Sandbox::User=root "$package" >&2
dpkg-deb --extract ./*.deb .
rm ./*.deb
touch done
