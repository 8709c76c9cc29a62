#!/usr/bin/env bash
# Runs a command as root in a virtual machine whose kernel has what containers and small kernels lack: thin pools of LVM.
#   vm-run.sh [-m MiB] [-c CPUs] [-t seconds] FOLDER COMMAND [ARGUMENT...]
# FOLDER is where install-vm-deps.sh has unpacked the kernel. The command runs in the present directory, and the exit code is its own; 124 means
# that its time was up, 125 that the machine did not start. QEMU emulates the processor, so nothing but user rights on
# memory and files is needed of the host, and everything takes several times longer; VM_ACCEL=kvm takes the host's processors.
set -euo pipefail
memory=4096 cpus=2 limit=900
while getopts m:c:t: option; do
	case $option in
	m) memory=$OPTARG ;;
	c) cpus=$OPTARG ;;
	t) limit=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || { sed -n '2,6s/^# *//p' "$0" >&2; exit 2; }
folder=$(realpath "$1")
shift
# The clock of the emulated machine counts what its processor does, a nanosecond for each instruction, and goes with that of the host only while
# there is nothing to do. So to its programs it is as quick as any, however little of the host it gets: no time of theirs runs out.
machine=(-accel tcg,thread=single -icount shift=0 -smp 1 -cpu max)
[ -z "${VM_ACCEL:-}" ] || machine=(-accel "$VM_ACCEL" -smp "$cpus" -cpu max)
# Nobody attacks it, its clock needs no second one to be compared with, and instructions are what it has least of.
quick="mitigations=off tsc=reliable no5lvl rcupdate.rcu_expedited=1"
export PATH=$PATH:/usr/sbin:/sbin
extras=$(cd "$(dirname "$0")" && pwd)
kernel=$(echo "$folder"/kernel/boot/vmlinuz-*)
version=${kernel##*/vmlinuz-}
work=$(mktemp -d "$folder/run.XXXXXX")
shared=
finish() {
	[ -z "$shared" ] || kill "$shared" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

# The first filesystem: busybox, the modules that are needed to go on, in the order in which they are loaded, and the script that does.
initrd() {
	local root=$work/root module file
	mkdir -p "$root"/{bin,proc,sys,dev,machine,layer}
	cp "$(command -v busybox)" "$root/bin/busybox"
	cp "$extras/vm-init.sh" "$root/init"
	chmod +x "$root/init"
	depmod -b "$folder/kernel" "$version"
	for module in virtio_pci virtiofs overlay crc32c_generic ext4 xfs loop dm-mod dm-thin-pool dm-snapshot fuse veth bridge nf_tables; do
		modprobe -d "$folder/kernel" -S "$version" --show-depends "$module" 2>/dev/null | sed -n 's/^insmod \([^ ]*\).*/\1/p'
	done | awk '!seen[$0]++' | while read -r file; do
		module=/lib/${file##*/}
		mkdir -p "$root/lib"
		cp "$file" "$root$module"
		echo "$module" >>"$root/modules"
	done
	(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initrd"
	rm -rf "$root"
}

# The second serial port tells the exit code.
cat >"$work/script" <<SCRIPT
(cd $(printf %q "$PWD") && exec $(printf '%q ' "$@"))
echo \$? >/dev/ttyS1
echo o >/proc/sysrq-trigger
while :; do :; done
SCRIPT
initrd
server=/usr/libexec/virtiofsd
[ -x $server ] || server=/usr/lib/qemu/virtiofsd
$server --socket-path="$work/socket" -o source=/ -o cache=always -o sandbox=chroot >"$work/log" 2>&1 &
shared=$!
for _ in $(seq 100); do
	[ -S "$work/socket" ] && break
	sleep 0.1
done
touch "$work/code"
timeout "$limit" qemu-system-x86_64 "${machine[@]}" -m "$memory" -no-reboot -nic none \
	-display none -monitor none -serial stdio -serial "file:$work/code" \
	-kernel "$kernel" -initrd "$work/initrd" -append "console=ttyS0 quiet loglevel=3 panic=1 $quick vm.script=$work/script" \
	-object "memory-backend-memfd,id=memory,size=${memory}M,share=on" -numa node,memdev=memory \
	-chardev "socket,id=files,path=$work/socket" -device vhost-user-fs-pci,chardev=files,tag=machine </dev/null | sed -u 's/\r$//' || true
code=$(tr -dc 0-9 <"$work/code")
[ -n "$code" ] || { cat "$work/log" >&2; code=124; }
exit "$code"
