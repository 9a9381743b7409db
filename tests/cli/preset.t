#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# `engine-top presets`: every shipped preset is listed, with its targets and what it is for.
. tests/lib/tap.sh

top=$PWD
unset ENGINE_TOP_EXAMPLES
cd "$tmp" || exit 1

run() { # ARG...: fills out, err, status
	"$ET_BIN" "$@" >out 2>err </dev/null
	status=$?
	sed "s/^/# $status: /" err
}

run presets
[ "$status" -eq 0 ] && [ ! -s err ]
ok $? "presets exits 0"
for file in "$top"/examples/*.yaml; do
	name=$(basename "$file" .yaml)
	description=$(sed -n 's/^description: //p' "$file")
	[ -n "$description" ] && grep "^$name " out | grep -q -F "$description"
	ok $? "$name is listed with its description"
done
set -- "$top"/examples/*.yaml
[ "$(wc -l <out)" -eq $(($# + 1)) ]
ok $? "and nothing else, below a heading"
grep '^quickstart ' out | grep -q '2 image, 1 generate, 3 bench'
ok $? "quickstart's targets are counted by kind"

run presets --path
[ "$status" -eq 0 ] && [ "$(cat out)" = "$top/examples" ]
ok $? "presets --path is the checkout's folder, wherever it is run"

mkdir mine && cp "$top/examples/selftest.yaml" mine/good.yaml && echo 'version: 9' >mine/bad.yaml
ENGINE_TOP_EXAMPLES=$tmp/mine
export ENGINE_TOP_EXAMPLES
run presets
[ "$status" -eq 2 ] && grep -q '^good ' out &&
	[ "$(cat err)" = "engine-top: $tmp/mine/bad.yaml:1:10: version '9' is not supported; write version: 1" ]
ok $? "a preset that does not load is named, the others are listed, exit 2"
run presets --path
[ "$(cat out)" = "$tmp/mine" ]
ok $? "ENGINE_TOP_EXAMPLES is another folder"

ENGINE_TOP_EXAMPLES=$tmp/nowhere
run presets
[ "$status" -eq 2 ] && [ ! -s out ] && grep -q '^engine-top: ENGINE_TOP_EXAMPLES is .*nowhere' err
ok $? "a variable that names no folder: exit 2 and what to do"
unset ENGINE_TOP_EXAMPLES

run help preset
[ "$status" -eq 0 ] && [ ! -s err ] && grep -q '^  version .*required' out &&
	grep -q '^    heap_bytes .*1 B to 1.00G: .*absent = ' out
ok $? "help preset explains the keys of the file"
for kind in image generate bench; do
	grep -q "^kind: $kind " out || break
done
ok $? "and every kind"
grep -q '^  trial_time .*1.00ms to 60.0s, default 20ms: ' out
ok $? "with range and default"

run presets quickstart
[ "$status" -eq 2 ] && [ ! -s out ] && grep -q "takes no argument, but 'quickstart' was given" err
ok $? "an argument is refused"
run presets --pth
[ "$status" -eq 2 ] && grep -q -e --path err
ok $? "an unknown option suggests --path"
if [ -e /dev/full ]; then
	"$ET_BIN" presets >/dev/full 2>err
	status=$?
	[ "$status" -eq 1 ] && one_line err && grep -q 'cannot write' err
	ok $? "output on a full disk: exit 1"
fi

finish
