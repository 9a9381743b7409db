#!/bin/sh
# Golden screens: every pane and the whole screen, from the fixture, at four sizes, as text.
# ET_GOLDEN_UPDATE=1 rewrites them (make golden): read the diff!
. tests/lib/tap.sh

screen=$ET_BUILD/tool/screen

# compare NAME ARGS...: what the tool draws now against NAME.txt; and the same bytes in the
# POSIX locale, in another time zone
compare()
{
	name=$1
	shift
	want=tests/golden/$name.txt
	got=$(LC_ALL=C TZ=Asia/Tokyo "$screen" "$@"; echo "status $?")
	again=$(LC_ALL=C.UTF-8 COLUMNS=7 TERM=dumb "$screen" "$@"; echo "status $?")
	[ "${ET_GOLDEN_UPDATE:-0}" = 1 ] && printf '%s\n' "$got" > "$want"
	[ "$got" = "$(cat "$want")" ] && [ "$got" = "$again" ]
	ok $? "$name" || printf '%s\n' "$got" | diff "$want" - | note
}

for size in 40x12 80x24 120x40 200x60; do
	compare "rich-$size" rich 12 "$size"
	compare "replay-$size" rich 39 "$size" replay
	for pane in builds cpu heap threads pools; do
		compare "$pane-$size" rich 25 "$size" live "$pane"
	done
done
for size in 80x24 120x40; do
	compare "na-$size" na 12 "$size"
	compare "empty-$size" empty 0 "$size"
	compare "heap-na-$size" na 12 "$size" live heap
done
compare tiny-20x5 rich 12 20x5
compare tiny-19x4 rich 12 19x4
compare tiny-1x1 rich 12 1x1

finish
