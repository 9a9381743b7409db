#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# engine-top replay REC: one frame as text at a moment and a size, the same bytes each time; what
# is not a recording, and what is not a moment, a size or a pane, is one line and exit 2.
. tests/lib/tap.sh

mkrec=$ET_BUILD/tool/mkrec
LC_ALL=C.UTF-8
export LC_ALL
"$mkrec" "$tmp/r.etr" 40 || exit 1 # 40 frames, 0.25 s to 10 s

at() { # T ARG...: the screen to stdout
	t=$1
	shift
	"$ET_BIN" replay "$tmp/r.etr" --at "$t" "$@"
}

shows_frame() { # NAME FRAME T
	at "$3" --screen 120x40 >"$tmp/out" 2>"$tmp/err" && grep -q "frame $2 of 40" "$tmp/out" &&
		[ ! -s "$tmp/err" ]
	ok $? "$1: --at $3 is frame $2"
}

shows_frame "seconds" 10 2.5s
shows_frame "clock" 20 00:00:05
shows_frame "from the end" 32 -2s
shows_frame "percent" 20 50%
shows_frame "percent" 40 100%
shows_frame "before the begin" 1 0s
shows_frame "behind the end" 40 00:01:05
shows_frame "far from the end" 1 -30s

for size in 80x24 120x40 20x5 500x200; do
	at 50% --screen $size >"$tmp/a" && at 50% --screen $size >"$tmp/b" && [ -s "$tmp/a" ] &&
		cmp -s "$tmp/a" "$tmp/b"
	ok $? "$size twice: the same bytes"
	awk -v rows="${size#*x}" 'END { exit NR != rows }' "$tmp/a"
	ok $? "$size: as many lines as asked for"
	awk -v cols="${size%x*}" 'length($0) > cols * 4 { exit 1 }' "$tmp/a" &&
		! LC_ALL=C grep -q '[[:cntrl:]]' "$tmp/a"
	ok $? "$size: no escape, no line too long"
done

at 50% >"$tmp/a" && at 50% --screen 80x24 | cmp -s - "$tmp/a"
ok $? "--at without --screen is 80x24"
"$ET_BIN" replay "$tmp/r.etr" --screen 80x24 >"$tmp/a" && at 100% | cmp -s - "$tmp/a"
ok $? "--screen without --at is the last frame"
at 50% --pane heap --screen 100x30 >"$tmp/a" && grep -q 'pool' "$tmp/a" &&
	! cmp -s "$tmp/a" "$tmp/b"
ok $? "--pane shows that pane"
(cd "$tmp" && cp r.etr ./--odd.etr && "$ET_BIN" replay --at 50% -- --odd.etr >/dev/null)
ok $? "a name that begins with a dash, after --"
TERM='' at 50% </dev/null >"$tmp/a" && TERM=xterm-256color COLUMNS=7 at 50% | cmp -s - "$tmp/a"
ok $? "the terminal has no say in it"
TZ=Asia/Tokyo at 50% | cmp -s - "$tmp/a"
ok $? "nor has the time zone"

# ---- damage -------------------------------------------------------------------------------------------

size=$(wc -c <"$tmp/r.etr")
head -c $((size - 100)) "$tmp/r.etr" >"$tmp/cut.etr"
"$ET_BIN" replay "$tmp/cut.etr" --at 100% --screen 120x40 >"$tmp/a" 2>"$tmp/err" &&
	grep -q 'frame 39 of 39' "$tmp/a" && [ ! -s "$tmp/err" ]
ok $? "cut short: up to the last whole frame, nothing to complain about"
cp "$tmp/r.etr" "$tmp/hole.etr"
dd if=/dev/zero of="$tmp/hole.etr" bs=1 seek=$((size / 2)) count=64 conv=notrunc 2>/dev/null
"$ET_BIN" replay "$tmp/hole.etr" --at 100% --screen 120x40 >"$tmp/a" 2>"$tmp/err"
rc=$?
[ $rc -eq 0 ] && grep -q 'frame 3[89] of 3[89]' "$tmp/a"
ok $? "a hole: the other frames are shown"
one_line "$tmp/err" && grep -q 'hole.etr. is damaged in 1 place' "$tmp/err"
ok $? "and one line says so"

# ---- refused ------------------------------------------------------------------------------------------

refused() { # NAME PATTERN ARG...
	name=$1 pattern=$2
	shift 2
	"$ET_BIN" replay "$@" >"$tmp/out" 2>"$tmp/err"
	rc=$?
	[ $rc -eq 2 ] && [ ! -s "$tmp/out" ] && one_line "$tmp/err" &&
		grep -q -e "$pattern" "$tmp/err" && ! grep -q "$(printf '\033')" "$tmp/err"
	ok $? "$name: one line, exit 2" || note "$tmp/err"
}

: >"$tmp/empty"
echo 'targets:' >"$tmp/text"
head -c 40 "$tmp/r.etr" >"$tmp/early"
mkfifo "$tmp/fifo"
refused "missing file" "No such file" "$tmp/none" --at 50%
refused "empty file" "is empty" "$tmp/empty" --at 50%
refused "a folder" "a directory" "$tmp" --at 50%
refused "a pipe" "not a regular file" "$tmp/fifo" --at 50%
refused "not a recording" "is not a recording" "$tmp/text" --at 50%
refused "the program itself" "is not a recording" "$ET_BIN" --at 50%
refused "no whole frame" "no whole frame" "$tmp/early" --at 50%
refused "escapes in a name" 'none\\x1b\[31m' "$tmp/none$(printf '\033')[31m" --at 50%
refused "no file" "which recording" --at 50%
refused "two files" "one recording at a time" "$tmp/r.etr" "$tmp/r.etr"
for t in '' x 5 1:2:3:4 -5% 5x; do
	refused "--at '$t'" "12.5s, 00:01:05, -30s" "$tmp/r.etr" --at "$t"
done
for s in '' 80 80x 80x24x 19x5 20x4 501x40 80x201 -80x24 '80 x24' 0x50x24 99999999999x24; do
	refused "--screen '$s'" "from 20x5 to 500x200" "$tmp/r.etr" --screen "$s"
done
refused "unknown pane" "heap" "$tmp/r.etr" --at 50% --pane haep
refused "unknown option" "did you mean '--screen'" "$tmp/r.etr" --scren 80x24
refused "value missing" "needs a value" "$tmp/r.etr" --at
refused "a dashboard without a terminal" "terminal" "$tmp/r.etr"

at 50% >/dev/full 2>"$tmp/err"
[ $? -eq 1 ] && one_line "$tmp/err"
ok $? "a full disk behind stdout: one line, exit 1"

finish
