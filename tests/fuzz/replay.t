#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every fuzz target of this build over its corpus, tests/fuzz/corpus/NAME/ for fuzz_NAME, as one
# TAP document: the targets' own numbers and plans are replaced by common ones.
cd "$(dirname "$0")/../.." || exit 1
: "${ET_BUILD:=build/release}"

run_all() {
	for target in "$ET_BUILD"/fuzz/fuzz_*; do
		case $target in *.o | *.d) continue ;; esac
		[ -x "$target" ] || continue
		name=${target##*/fuzz_}
		[ -f "tests/fuzz/fuzz_$name.c" ] || continue # built from a source that is gone
		echo "TARGET fuzz_$name"
		"$target" "tests/fuzz/corpus/$name" 2>&1
	done
	echo "TARGET"
}

run_all | awk '
	function close_target() {
		if (target != "" && !has_plan)
			print "not ok " ++n " - " target " ran to its end"
		has_plan = 0
	}
	/^TARGET/ { close_target(); target = $2; n_targets += target != ""; next }
	/^1\.\.[0-9]+$/ { has_plan = 1; next }
	/^(not )?ok [0-9]+/ {
		is_not = /^not /
		sub(/^(not )?ok [0-9]+/, "")
		print (is_not ? "not ok " : "ok ") ++n $0
		next
	}
	{ print "# " $0 }
	END {
		if (n_targets == 0)
			print "not ok " ++n " - there are fuzz targets"
		print "1.." n
	}'
