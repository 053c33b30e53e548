#!/bin/bash
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# Programs of the oracle in a QEMU guest with Debian's kernel (6.1): classic LRU against the multi-generational one, at
# the same memory limit. Prints one line a run:
#
#	PROGRAM LIMIT_MIB classic|mglru pgscan N pgsteal N refault N activate N pgmajfault N
#
# usage: guest.sh DIR PROGRAMS PROGRAM:LIMIT_MIB...
#	DIR		where the guest's files are made and kept
#	PROGRAMS	the binary of programs.c
# Needs qemu-system-x86_64, busybox (static), mke2fs, and Debian's kernel package, which apt-get download brings.
# Exit status 77 where one of them is missing.
set -u
dir=$1 programs=$2
shift 2
skip() {
	echo "not permitted here: $*"
	exit 77
}

command -v qemu-system-x86_64 >/dev/null || skip 'no qemu-system-x86_64 (apt install qemu-system-x86)'
busybox=$(command -v busybox) && file -L "$busybox" 2>/dev/null | grep -q 'statically' || busybox=/bin/busybox
[ -x "$busybox" ] || skip 'no busybox (apt install busybox-static)'
command -v mke2fs >/dev/null || skip 'no mke2fs'
mkdir -p "$dir" && cd "$dir" || exit 1

# The kernel, unpacked and not installed
if ! ls root/boot/vmlinuz-* >/dev/null 2>&1; then
	package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^  Depends: \(linux-image-.*\)/\1/p' | head -1)
	[ -n "$package" ] && apt-get download "$package" >/dev/null 2>&1 || skip 'no kernel package (apt-get update)'
	dpkg-deb -x "$package"_*.deb root && rm -f "$package"_*.deb
fi
kernel=$(ls root/boot/vmlinuz-*)
modules=$(echo root/lib/modules/*)

# Files: the hot one and the stream
if ! [ -s disk.img ]; then
	rm -rf files && mkdir files
	for f in file:32 stream:192; do
		head -c "${f#*:}M" /dev/urandom >"files/${f%:*}"
	done
	mke2fs -q -t ext4 -d files disk.img 300M && rm -rf files
fi

rm -rf initrd && mkdir -p initrd/bin initrd/mod initrd/proc initrd/sys initrd/mnt initrd/dev
cp "$busybox" initrd/bin/busybox
cp "$programs" initrd/bin/programs
order='virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk crc16 mbcache jbd2 crc32c_generic libcrc32c ext4'
for m in $order; do
	ko=$(find "$modules" -name "$m.ko*" | head -1)
	[ -z "$ko" ] || cp "$ko" "initrd/mod/$m.ko"
done
cat >initrd/init <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc p /proc
mount -t sysfs s /sys
mount -t devtmpfs d /dev
for m in $(cat /order); do insmod /mod/$m.ko 2>/dev/null; done
mount -t ext4 -o ro,noatime /dev/vda /mnt
mount -t cgroup2 c /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
value() {
	awk -v k="$1" '$1 == k { print $2 }' /sys/fs/cgroup/t/memory.stat
}
for run in $(cat /runs); do
	name=${run%:*} limit=${run#*:}
	for policy in 0 7; do
		echo $policy >/sys/kernel/mm/lru_gen/enabled
		echo 3 >/proc/sys/vm/drop_caches
		mkdir /sys/fs/cgroup/t
		echo ${limit}M >/sys/fs/cgroup/t/memory.max
		sh -c 'echo $$ >/sys/fs/cgroup/t/cgroup.procs; exec /bin/programs "$1" /mnt/file /mnt/stream' sh "$name"
		echo "RESULT $name $limit $([ $policy = 0 ] && echo classic || echo mglru)" pgscan $(value pgscan) pgsteal $(value pgsteal) \
			refault $(value workingset_refault_file) activate $(value workingset_activate_file) \
			restore $(value workingset_restore_file) pgmajfault $(value pgmajfault)
		echo 3 >/proc/sys/vm/drop_caches
		rmdir /sys/fs/cgroup/t
	done
done
echo o >/proc/sysrq-trigger
sleep 10
INIT
chmod +x initrd/init
echo "$order" >initrd/order
echo "$*" >initrd/runs
(cd initrd && find . | "$busybox" cpio -o -H newc 2>/dev/null | gzip -1) >initrd.gz
timeout 540 qemu-system-x86_64 -M pc -accel tcg -m 512 -smp 1 -nodefaults -nographic -no-reboot -serial stdio \
	-kernel "$kernel" -initrd initrd.gz -append 'console=ttyS0 quiet panic=-1' \
	-drive file=disk.img,if=none,id=d0,format=raw -device virtio-blk-pci,drive=d0 </dev/null >console.log 2>&1
grep -q RESULT console.log || { tail -n 20 console.log; echo 'the guest did not run'; exit 1; }
sed -n 's/^.*RESULT //p' console.log | tr -d '\r'
