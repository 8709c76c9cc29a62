#!/bin/busybox sh
# The first process of the virtual machine of vm-run.sh. Its root is the machine's, shared through virtiofs, under a layer in memory:
# what is written is gone afterwards. Hands over to the script that the kernel's command line names.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
while read -r module; do $b insmod "$module" 2>/dev/null; done </modules

fail() {
	echo "vm-init: $*"
	echo 125 >/dev/ttyS1
	$b poweroff -f
}
$b mount -t virtiofs machine /machine || fail "the machine's files are not there"
$b mount -t tmpfs -o size=90% layer /layer && $b mkdir /layer/upper /layer/work /layer/root
$b mount -t overlay -o lowerdir=/machine,upperdir=/layer/upper,workdir=/layer/work root /layer/root || fail "no root"
for dir in proc sys dev; do $b mount --move /$dir /layer/root/$dir; done
cd /layer/root || fail "no root"
$b mkdir -p dev/pts dev/shm
$b mount -t devpts devpts dev/pts
script=$($b sed -n 's/.*vm\.script=\([^ ]*\).*/\1/p' proc/cmdline)
for dir in dev/shm run tmp var/tmp; do
	case $script in /$dir/*) continue ;; esac # what is to run lies there
	$b mount -t tmpfs -o size=90% tmpfs $dir
done

# Nobody else is here: LVM makes the nodes of its volumes by itself.
$b mkdir -p etc/lvm run/lock
$b cat >etc/lvm/lvmlocal.conf <<'CONF'
activation { udev_sync = 0 udev_rules = 0 verify_udev_operations = 1 }
global { use_lvmpolld = 0 }
devices { use_devicesfile = 0 }
CONF
$b hostname vm
$b ip link set lo up
export HOME=/root TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# Not a chroot: whoever enters a mount namespace gets the root of that.
exec $b switch_root /layer/root /bin/sh "$script" <dev/null
