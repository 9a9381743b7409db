#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A build that dies by kill -9: before each single call that changes the file system, and at
# random moments.  Afterwards the layout is valid, its earlier image is whole, nothing of the dead
# build takes room, and the next build goes well.
. tests/lib/tap.sh

here=$PWD
cd "$tmp" || exit 1
mkdir old new && echo old >old/file && echo new >new/file && head -c 1300000 /dev/zero >new/noise

blobs() { # LAYOUT: names of all files in it that are no digest
	find "$1" -type f | grep -v -E '/(oci-layout|index\.json|blobs/sha256/[0-9a-f]{64})$'
}
sound() { # LAYOUT: every blob is what its name says
	(cd "$1/blobs/sha256" && for f in *; do
		[ -e "$f" ] || continue
		[ "$(sha256sum <"$f" | cut -d ' ' -f 1)" = "$f" ] || exit 1
	done)
}

# ---- before each call -----------------------------------------------------------------------

case $ET_BUILD in
*asan* | *tsan*) preload= ;; # their runtime must come first
*) preload=$tmp/killpoint.so && ${CC:-cc} -shared -fPIC -D_GNU_SOURCE -o "$preload" "$here/tests/fault/killpoint.c" -ldl ;;
esac

killed() { # AT LAYOUT: a build into it that dies before call AT
	(LD_PRELOAD=$preload KILL_AT=$1 KILL_COUNT=$tmp/count "$ET_BIN" build new -t "oci:$2:new" -q -j 1
		exit $?) >/dev/null 2>&1 # (... so that the inner shell says "Killed", to nobody)
}

# AT LAYOUT WANT_OLD: is all well after a kill?  Prints what is not.
examine() {
	if [ -e "$2/oci-layout" ]; then
		bad=$(blobs "$2" | grep -v '/\.tmp-index\.json$')
		[ -z "$bad" ] || diag "kill before call $1: left $bad"
		sound "$2" || diag "kill before call $1: a blob is not what its name says"
		if [ -n "$3" ]; then
			skopeo inspect "oci:$2:old" >err 2>&1 || sed "s/^/# kill before call $1: skopeo: /" err
		else
			umoci ls --layout "$2" >err 2>&1 || sed "s/^/# kill before call $1: umoci: /" err
		fi
	elif [ -n "$3" ]; then
		diag "kill before call $1: oci-layout is gone"
	fi
	"$ET_BIN" build new -t "oci:$2:new" -q >err 2>&1 || sed "s/^/# kill before call $1: next build: /" err
	grep -q '"new"' "$2/index.json" && sound "$2" || diag "after the next build: not whole"
	bad=$(blobs "$2")
	[ -z "$bad" ] || diag "after the next build: left $bad"
}

if [ -n "$preload" ]; then
	KILL_AT=0 killed 0 fresh
	total=$(cat count)
	[ "$total" -gt 15 ]
	ok $? "a build into a new layout has $total calls to die before"
	: >complaints
	at=1
	while [ $at -le "$total" ]; do
		rm -rf fresh
		killed $at fresh && diag "call $at did not kill" >>complaints
		examine $at fresh "" >>complaints
		at=$((at + 1))
	done
	[ ! -s complaints ]
	ok $? "killed before each of them: no layout or a valid one, and the next build is fine"
	cat complaints

	"$ET_BIN" build old -t oci:base:old -q
	cp -a base used && killed 0 used
	total=$(cat count)
	: >complaints
	at=1
	while [ $at -le "$total" ]; do
		rm -rf used && cp -a base used
		killed $at used && diag "call $at did not kill" >>complaints
		examine $at used old >>complaints
		at=$((at + 1))
	done
	[ ! -s complaints ]
	ok $? "killed before each of $total calls into a used layout: the old image is there, too"
	cat complaints
else
	"$ET_BIN" build old -t oci:base:old -q
	ok $? "an old image is there"
fi

# ---- at random moments ----------------------------------------------------------------------

head -c 12000000 /dev/urandom >new/noise
rm -rf used && cp -a base used
: >complaints
dead=0 late=0
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	# 0 to 200 ms: some while it walks, most while it packs
	perl -e '
		my $pid = fork // die;
		if ($pid == 0) { close STDERR; exec @ARGV }
		select undef, undef, undef, rand 0.2;
		kill KILL => $pid;
		waitpid $pid, 0;
		exit(($? & 127) == 9 ? 0 : 1)' "$ET_BIN" build new -t oci:used:new -q -j 2 && dead=$((dead + 1))
	# whole blobs of the new image may be there, if it died in the last moment: they are its own
	bad=$(blobs used | grep -v '/\.tmp-index\.json$') # it has that name for one system call
	[ -z "$bad" ] || diag "kill $i left $bad" >>complaints
	sound used || diag "kill $i: a blob is not what its name says" >>complaints
	skopeo inspect oci:used:old >err 2>&1 || sed "s/^/# kill $i: skopeo: /" err >>complaints
	if grep -q '"new"' used/index.json; then # it was too fast for the kill
		rm -rf used && cp -a base used
	elif [ "$(ls used/blobs/sha256 | wc -l)" -gt 3 ]; then
		late=$((late + 1))
	fi
done
[ $dead -gt 0 ] && [ ! -s complaints ]
ok $? "$dead of 20 builds killed at random moments: nothing left behind, the old image is there"
cat complaints
diag "$late of them died between the names of the blobs and the index"
"$ET_BIN" build new -t oci:used:new -q && skopeo inspect oci:used:new >/dev/null && [ -z "$(blobs used)" ]
ok $? "the next build is fine"

finish
