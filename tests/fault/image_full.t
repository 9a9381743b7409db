#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# No room for the image: a full disk (a small tmpfs), a file size limit, too few descriptors.  One
# line that names the cause, exit 1, the earlier image whole, nothing left behind.
. tests/lib/tap.sh

at_exit 'umount "$tmp/disk" 2>/dev/null'
cd "$tmp" || exit 1
mkdir small big disk && echo x >small/file && head -c 6000000 /dev/urandom >big/noise

fails() { # NAME PATTERN LAYOUT COMMAND...: exit 1, one line that matches, layout as before
	name=$1 pattern=$2 layout=$3
	shift 3
	find "$layout" -type f -exec sha256sum {} + | sort >before
	"$@" >out 2>err
	got=$?
	[ "$got" -eq 1 ] && one_line err && grep -q -- "$pattern" err && [ ! -s out ]
	ok $? "$name"
	note err
	find "$layout" -type f -exec sha256sum {} + | sort >after
	cmp before after && skopeo inspect "oci:$layout:v1" >/dev/null
	ok $? "... and the layout is as it was"
}
limited() { # LIMITS COMMAND...
	limits=$1
	shift
	sh -c "ulimit $limits"' && exec "$@"' sh "$@"
}

if mount -t tmpfs -o size=3m none disk 2>err; then
	"$ET_BIN" build small -t oci:disk/l:v1 -q
	fails "a disk that is too small" "'disk/l': No space left on device" disk/l \
		"$ET_BIN" build big -t oci:disk/l:v2
	head -c 4000000 /dev/zero >disk/fill 2>/dev/null # every last page
	fails "a disk with no page left" "No space left on device" disk/l "$ET_BIN" build small -t oci:disk/l:v2
	"$ET_BIN" build small -t oci:disk/new:v1 >out 2>err
	[ $? -eq 1 ] && grep -q "No space left on device" err
	ok $? "a new layout on a full disk"
	rm disk/fill && "$ET_BIN" build small -t oci:disk/l:v2 -q
	ok $? "with room again the build is fine"
	umount disk
else
	skip "a full disk" "mounting a tmpfs is not permitted here"
fi

"$ET_BIN" build small -t oci:l:v1 -q
fails "a file size limit" "'l': File too large" l limited "-f 2000" "$ET_BIN" build big -t oci:l:v2
case $ET_BUILD in
*asan* | *tsan*) skip "too few descriptors" "the sanitizer's runtime needs them itself" ;;
*) fails "too few descriptors" "Too many open files" l limited "-n 8" "$ET_BIN" build big -t oci:l:v2 ;;
esac

# as another user: what may not be read is named, and is bad input
if chmod 711 "$tmp" && mkdir -m 777 theirs && mkdir -m 755 private && echo x >private/secret &&
	chmod 600 private/secret && setpriv --reuid 65534 --clear-groups true 2>/dev/null; then
	setpriv --reuid 65534 --clear-groups "$ET_BIN" build private -t oci:theirs/l:v1 >out 2>err
	[ $? -eq 2 ] && grep -q "cannot read 'secret' of 'private': Permission denied" err
	ok $? "an unreadable file is named"
	mkdir -m 700 private/closed
	setpriv --reuid 65534 --clear-groups "$ET_BIN" build private -t oci:theirs/l:v1 >out 2>err
	[ $? -eq 2 ] && grep -q "closed.*Permission denied" err
	ok $? "an unreadable directory is named"
	setpriv --reuid 65534 --clear-groups "$ET_BIN" build private/closed -t oci:theirs/l:v1 >out 2>err
	[ $? -eq 2 ] && grep -q "cannot open context 'private/closed': Permission denied" err
	ok $? "an unreadable context is named"
else
	skip "an unreadable file is named" "cannot become another user here"
fi

finish
