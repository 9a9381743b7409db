#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# kill -9 at random moments of a recording: each time the file replays, up to its last whole
# frame, to the same bytes twice.  20 real runs of the default preset, and 20 writers that do
# nothing but write.
. tests/lib/tap.sh

pid=
at_exit '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null'
TMPDIR=$tmp/store # what a killed run cannot remove, the trap does
export TMPDIR
mkdir "$TMPDIR"
mkrec=$ET_BUILD/tool/mkrec

has_frame() { # FILE: anything behind its header of 32 bytes?
	[ -f "$1" ] && [ "$(wc -c <"$1")" -gt 32 ]
}

has_frame_or_ended() { has_frame "$1" || ! kill -0 "$pid" 2>/dev/null; }

random_ms() { # 0 .. $1 - 1
	od -An -N2 -tu2 /dev/urandom | awk -v most="$1" '{ printf "%.3f", $1 % most / 1000 }'
}

kill_and_replay() { # NAME MOST_MS COMMAND...: the command records to $tmp/r.etr
	name=$1
	delay=$(random_ms "$2")
	shift 2
	rm -rf "$tmp/r.etr" "${TMPDIR:?}"/*
	"$@" >"$tmp/log" 2>&1 &
	pid=$!
	poll has_frame_or_ended "$tmp/r.etr"
	if ! has_frame "$tmp/r.etr"; then
		ok 1 "$name: has a first frame"
		note "$tmp/log"
		return
	fi
	sleep "$delay" # not a wait: the moment of death
	kill -9 $pid
	wait $pid 2>/dev/null
	pid=
	"$ET_BIN" replay "$tmp/r.etr" --at 100% --screen 120x40 >"$tmp/a" 2>"$tmp/err-a" &&
		"$ET_BIN" replay "$tmp/r.etr" --at 100% --screen 120x40 >"$tmp/b" 2>"$tmp/err-b" &&
		[ -s "$tmp/a" ] && cmp -s "$tmp/a" "$tmp/b" && [ ! -s "$tmp/err-a" ]
	ok $? "$name: killed ${delay}s after its first frame, replays" || note "$tmp/err-a"
}

for i in $(seq 20); do
	kill_and_replay "run $i" 400 "$ET_BIN" run examples/quickstart.yaml --plain -o "$tmp/r.etr"
done 2>/dev/null
for i in $(seq 20); do
	kill_and_replay "writer $i" 60 "$mkrec" --slow "$tmp/r.etr" 0
done 2>/dev/null

finish
