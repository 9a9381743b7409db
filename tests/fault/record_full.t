#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The disk is full while it records: recording stops with one line that says how much was kept,
# and what was kept replays whole.  A file limit (which writes short, then fails, as a disk does)
# everywhere; a real full file system where this container may mount one.
. tests/lib/tap.sh

at_exit 'umount "$tmp/disk" 2>/dev/null'
mkrec=$ET_BUILD/tool/mkrec

replays_kept() { # FILE NAME: as many frames as the message in $tmp/err promises
	kept=$(sed -n 's/.*(\([0-9]*\) frames kept).*/\1/p' "$tmp/err")
	[ "${kept:-0}" -gt 0 ] &&
		"$ET_BIN" replay "$1" --at 100% --screen 120x40 >"$tmp/out" 2>"$tmp/replay-err" &&
		grep -q "frame $kept of $kept" "$tmp/out" && [ ! -s "$tmp/replay-err" ]
	ok $? "$2: the $kept frames kept replay, without a hole"
}

for blocks in 20 33 47; do # of 512 bytes: three places inside a frame
	rm -f "$tmp/r.etr"
	(ulimit -f $blocks && "$mkrec" "$tmp/r.etr" 100) 2>"$tmp/err"
	[ $? -eq 1 ] && one_line "$tmp/err" && grep -q 'File too large' "$tmp/err"
	ok $? "limit of $blocks blocks: one line, exit 1"
	replays_kept "$tmp/r.etr" "limit of $blocks blocks"
done

mkdir "$tmp/disk"
if mount -t tmpfs -o size=64k none "$tmp/disk" 2>/dev/null; then
	"$mkrec" "$tmp/disk/r.etr" 100 2>"$tmp/err"
	[ $? -eq 1 ] && one_line "$tmp/err" && grep -q 'No space left' "$tmp/err"
	ok $? "full file system: one line, exit 1"
	replays_kept "$tmp/disk/r.etr" "full file system"
	"$mkrec" "$tmp/disk/second.etr" 100 2>"$tmp/err"
	[ $? -eq 1 ] && one_line "$tmp/err"
	ok $? "a second recording on what is left: one line, exit 1"
else
	skip "full file system" "this container may not mount one"
fi

finish
