#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What `engine-top build` says to bad input: one line on stderr, the documented exit status, and
# nothing changed on disk.
. tests/lib/tap.sh
cd "$tmp" || exit 1
mkdir context && echo x >context/file && mkdir full && echo y >full/other

refuses() { # NAME STATUS PATTERN ARG...: one line that matches, this exit status
	name=$1 status=$2 pattern=$3
	shift 3
	"$ET_BIN" build "$@" >out 2>err
	got=$?
	[ "$got" -eq "$status" ] && one_line err && grep -q -- "$pattern" err && ! [ -s out ]
	ok $? "$name"
	note err
}

# ---- the command line -----------------------------------------------------------------------

refuses "no context" 2 CONTEXT -t oci:l:v
refuses "two contexts" 2 "'b' is one CONTEXT too many" -t oci:l:v a b
refuses "no -t" 2 "-t oci:DIRECTORY:TAG" context
refuses "-t twice" 2 "twice" context -t oci:l:v -t oci:l:w
refuses "-t without value" 2 "needs a value" context -t
refuses "not oci:" 2 "oci:DIRECTORY:TAG" context -t docker:l:v
refuses "no directory" 2 "oci:DIRECTORY:TAG" context -t oci::v
refuses "a colon too many" 2 "':' too many" context -t oci:l:v:w
refuses "an empty tag" 2 "not a tag" context -t oci:l:
refuses "a tag with a slash" 2 "not a tag" context -t oci:l:a/b
refuses "a tag of 129 bytes" 2 "not a tag" context -t "oci:l:$(printf '%0129d' 0)"
refuses "-j 0" 2 "1 to 256" context -t oci:l:v -j 0
refuses "-j x" 2 "1 to 256" context -t oci:l:v -j x
refuses "--level 10" 2 "1 to 9" context -t oci:l:v --level 10
refuses "an unknown option" 2 "did you mean '--exclude'" context -t oci:l:v --exlude=x
refuses "an empty pattern" 2 "matches nothing" context -t oci:l:v --exclude /
refuses "a report that cannot be written" 2 "cannot write 'no/where'" context -t oci:l:v --json=no/where

# ---- the context ----------------------------------------------------------------------------

refuses "a context that is not there" 2 "'nowhere': No such file" nowhere -t oci:l:v
refuses "a context that is a file" 2 "Not a directory" context/file -t oci:l:v
[ ! -e l ]
ok $? "no layout was made for any of these"
mkdir whiteout && touch whiteout/.wh.file
refuses "a name that would delete" 2 "'.wh.file'" whiteout -t oci:l:v
"$ET_BIN" build whiteout -t oci:l:v --exclude '.wh.*' >out 2>err
ok $? "... which may be excluded"

# ---- the layout -----------------------------------------------------------------------------

refuses "a directory of something else" 2 "not an OCI layout" context -t oci:full:v
[ "$(ls full)" = other ]
ok $? "... is left alone"
refuses "a layout that is a file" 2 "context/file" context -t oci:context/file:v
refuses "the context itself" 2 "directory that it is made of" context -t oci:context:v
[ "$(ls context)" = file ]
ok $? "... is left alone too"

layout() { # NAME: a good layout
	"$ET_BIN" build context -t "oci:$1:good" -q
}
layout broken && echo '{"schemaVersion":2,"manifests":[' >broken/index.json
refuses "a broken index" 2 "broken: index.json:" context -t oci:broken:v
layout nolist && echo '{"schemaVersion":2}' >nolist/index.json
refuses "an index without a list" 2 "no list 'manifests'" context -t oci:nolist:v
layout noindex && rm noindex/index.json
refuses "no index" 2 "cannot open index.json" context -t oci:noindex:v
layout fifo && rm fifo/index.json && mkfifo fifo/index.json
refuses "an index that is a FIFO" 2 "not a regular file" context -t oci:fifo:v
layout version && echo '{"imageLayoutVersion":"9.9"}' >version/oci-layout
refuses "a layout of another version" 2 "version '9.9'" context -t oci:version:v
layout marker && echo 'x' >marker/oci-layout
refuses "a marker that is not JSON" 2 "not an OCI layout" context -t oci:marker:v

layout keeps && sed -i 's/"schemaVersion":2/"schemaVersion":2,"annotations":{"a":"b"}/' keeps/index.json
"$ET_BIN" build context -t oci:keeps:v -q && grep -q '"annotations":{"a":"b"}' keeps/index.json
ok $? "what others wrote into an index stays"

# ---- failure is told in JSON too, and by signals --------------------------------------------

"$ET_BIN" build nowhere -t oci:l:v --json >out 2>err
[ $? -eq 2 ] && grep -q '"state": "failed"' out && grep -q '"error": "cannot open context' out
ok $? "a failed build is a document that says why"

[ "$(grep -c '": null' out)" -eq 11 ] && grep -q '"entries_na": "the build failed"' out
ok $? "... and counts nothing that was not counted"
for option in "-j: 5" "-j:+5" "--level: 5"; do
	refuses "a number in '$option'" 2 "wants a whole number" context -t oci:l:v \
		"${option%%:*}" "${option#*:}"
done

rm -rf nofd
for limit in 7 8 9 10 11 12; do # a machine out of descriptors is not a directory of something else
	(ulimit -n $limit && exec "$ET_BIN" build context -t oci:nofd:v -q -j 1) >out 2>>err.nofd
	[ $? -eq 2 ] && echo "$limit" >>nofd.bad
done
[ ! -s nofd.bad ] && ! grep -q 'not an OCI layout' err.nofd
ok $? "out of descriptors is said so, exit 1"
note nofd.bad 2>/dev/null

if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$tmp" && layout foreign
	cp "$ET_BIN" other && setpriv --reuid=65534 --regid=65534 --clear-groups \
		./other build context -t oci:foreign:v -q >out 2>err
	[ $? -eq 2 ] && grep -q "cannot write a blob to 'foreign': Permission denied" err
	ok $? "a layout that we may not write to is bad input"
	note err
else
	skip "a layout that we may not write to" "needs root and setpriv"
fi

is_packing() { # the blob without a name is open
	ls -l "/proc/$pid/fd" 2>/dev/null | grep -q 'stopped/blobs/sha256/#'
}
mkdir noise && head -c 40000000 /dev/urandom >noise/file
for signal in TERM:15 INT:2 HUP:1; do
	number=${signal#*:} signal=${signal%:*}
	rm -rf stopped
	layout stopped_before && cp -a stopped_before stopped
	echo old >kept.json
	# a shell starts background jobs with SIGINT ignored, and so would we: perl gives it back
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$ET_BIN" build noise -t oci:stopped:v --level 9 -j 1 --json=kept.json >out 2>err &
	pid=$!
	poll is_packing
	kill -s "$signal" $pid
	wait $pid 2>/dev/null
	got=$?
	[ "$got" -eq $((128 + number)) ] && grep -q "build stopped by SIG$signal; 'stopped' is as it was" err
	ok $? "SIG$signal stops it: one line, and it dies by the signal"
	note err
	diff -r stopped_before stopped >diff
	ok $? "... with the layout as it was"
	[ "$(cat kept.json)" = old ]
	ok $? "... and an earlier report, too"
done

finish
