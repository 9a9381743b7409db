#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What the command line says about itself, and what it answers to a slip of the fingers: one line
# on stderr with the nearest right word, exit 2, nothing on stdout.
. tests/lib/tap.sh
cd "$tmp" || exit 1

run() { # ARG...: fills out, err, status
	"$ET_BIN" "$@" >out 2>err </dev/null
	status=$?
}
answers() { # NAME PATTERN ARG...: exit 0, PATTERN in stdout, silent stderr
	label=$1 pattern=$2
	shift 2
	run "$@"
	[ "$status" -eq 0 ] && grep -q -e "$pattern" out && [ ! -s err ]
	ok $? "$label"
	[ ! -s err ] || note err
}
refuses() { # NAME PATTERN ARG...: exit 2, one line with PATTERN on stderr, silent stdout
	label=$1 pattern=$2
	shift 2
	run "$@"
	[ "$status" -eq 2 ] && [ ! -s out ] && one_line err &&
		grep -q '^engine-top' err && grep -q -e "$pattern" err
	ok $? "$label"
	sed "s/^/# $status: /" err
}

subcommands="run build replay presets themes doctor help"

# ---- what it says ---------------------------------------------------------------------------------

answers "--version" '^engine-top [0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*' --version
one_line out
ok $? "--version is one line"
answers "help" '^usage: engine-top' help
cp out help
for name in $subcommands; do
	grep -Eq "^ +(engine-top )?$name( |\$)" help
	ok $? "help lists $name"
done
[ "$(awk 'length > 100' help | wc -l)" -eq 0 ]
ok $? "help fits into 100 columns"
answers "--help is help" . --help
cmp -s out help
ok $? "word for word"

for name in run build replay presets themes doctor; do
	answers "help $name" "engine-top $name" help "$name"
	cp out "help-$name"
	answers "$name --help" . "$name" --help
	cmp -s out "help-$name"
	ok $? "says what help $name says"
done
answers "help on help is help" . help help
cmp -s out help
ok $? "word for word"
for option in --plain --json --hz --heap-period -o; do
	grep -q -e "^  .*$option" help-run
	ok $? "help run explains $option"
done
for option in --at --screen --pane; do
	grep -q -e "^  .*$option" help-replay
	ok $? "help replay explains $option"
done
answers "help preset tells the keys of each kind of target" '^ *context' help preset
for kind in image generate bench; do
	grep -qw $kind out
	ok $? "kind $kind among them"
done

# ---- slips of the fingers --------------------------------------------------------------------------

refuses "a subcommand misspelt" "'biuld'.*build" biuld
refuses "a preset misspelt" "'quikstart'.*quickstart" quikstart
refuses "a preset misspelt, after run" "'quikstart'.*quickstart" run quikstart
refuses "help on a subcommand misspelt" "'relpay'.*replay" help relpay
refuses "an option misspelt" "'--plian'.*--plain" run quickstart --plian
refuses "an option of nobody" "'--frobnicate'" run quickstart --frobnicate
refuses "a short option of nobody" "'-Q'" run quickstart -Q
refuses "an option without its value" "--hz" run quickstart --hz
refuses "a value for an option that takes none" "--plain" run quickstart --plain=yes
refuses "a number that is none" "--hz.*'fast'" run quickstart --hz fast
refuses "a number with a tail" "--hz.*'99x'" run quickstart --hz 99x
refuses "a number out of range says the range" "--hz.*1000" run quickstart --hz 100000
refuses "a target misspelt" "'hahs'.*hash" run quickstart -t hahs --plain
refuses "run without a preset" "PRESET\|preset" run
refuses "run with two presets" "'images'" run quickstart images
refuses "build without a context" "CONTEXT\|context" build -t oci:x:y
refuses "build without a target" "-t" build .
refuses "build with a reference that is none" "oci:" build . -t docker:x:y
refuses "replay without a recording" "REC\|recording" replay
refuses "replay of a file that is not there" "'nowhere.etr'.*No such file" replay nowhere.etr
refuses "an argument too many" "'more'" presets more
refuses "a name that would speak to the terminal" '\\x1b' "$(printf 'a\033[31mb')"
refuses "the dashboard without a terminal" "terminal" quickstart

[ -z "$(find . -mindepth 1 ! -name out ! -name err ! -name 'help*')" ]
ok $? "none of these left anything behind"

# ---- output that cannot be written ------------------------------------------------------------------

for args in help --version "help run" presets themes; do
	# shellcheck disable=SC2086 # words
	"$ET_BIN" $args >/dev/full 2>err
	[ $? -eq 1 ] && note err && one_line err && grep -q 'No space left on device' err
	ok $? "$args on a full disk: one line, exit 1"
done

finish
