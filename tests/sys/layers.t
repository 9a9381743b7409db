#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The layers of the house hold (scripts/check-layers.pl on the build under test), and the check
# that says so can fail: in a small tree of our own each rule is broken once.
. tests/lib/tap.sh

check=$PWD/scripts/check-layers.pl
out=$(perl "$check" "$ET_BUILD" 2>&1)
ok $? "no edge of this build leaves its layer"
echo "$out" | note

cd "$tmp" || exit 1

put() { # FILE TEXT
	mkdir -p "$(dirname "$1")"
	printf '%s\n' "$2" >"$1"
}

good_tree() {
	rm -rf src include build
	put include/engine-top/probe.h "void et_probe_hit(void);"
	put src/base/text.h "int et_text_n(void);"
	put src/base/text.c '
		#include "base/text.h"
		int et_text_n(void) { return 1; }'
	put src/profiler/agent/ring.c '
		int et_ring_put(void) { return 1; }'
	put src/profiler/agent/signal.c '
		#include <signal.h>
		#include <stdlib.h>
		#include <time.h>
		#include "engine-top/probe.h"
		int et_ring_put(void);
		static int helper(void)
		{
			struct timespec t;
			return clock_gettime(CLOCK_MONOTONIC, &t) + et_ring_put();
		}
		static void on_prof(int signo) { if (signo > 1) helper(); }
		void et_probe_hit(void)
		{
			struct sigaction sa = { .sa_handler = on_prof };
			sigaction(SIGPROF, &sa, malloc(1));
		}'
	put src/engine/build/session.c '
		#include "base/text.h"
		#include "engine-top/probe.h"
		int et_session_n(void) { et_probe_hit(); return et_text_n(); }'
	put src/tui/grid.h "int et_grid_n(void);"
	put src/tui/grid.c '
		#include "tui/grid.h"
		int et_grid_n(void) { return 2; }'
	put src/tui/pane/cpu.c '
		#include "tui/grid.h"
		int et_cpu_draw(void) { return et_grid_n(); }'
}

run_check() {
	find src -name '*.c' | while read -r c; do
		o=build/${c%.c}.o
		mkdir -p "$(dirname "$o")"
		${CC:-gcc} -Iinclude -Isrc -MMD -MP -c "$c" -o "$o" || echo "$c does not compile"
	done
	perl "$check" build >out 2>&1
}

breaks() { # NAME, PATTERN: the tree as it stands must be refused with a line like PATTERN
	run_check
	status=$?
	grep -q -- "$2" out && [ "$status" -eq 1 ]
	ok $? "refused: $1"
	note out
	good_tree
}

good_tree
run_check
ok $? "a tree in order passes"
note out
cp out first

put src/engine/build/session.c '
	#include "tui/grid.h"
	int et_session_n(void) { return 0; }'
breaks "engine includes a header of tui" \
	'^src/engine/build/session.c includes src/tui/grid.h: engine/build must not see tui$'

put src/engine/build/session.c '
	int et_grid_n(void);
	int et_session_n(void) { return et_grid_n(); }'
breaks "engine calls tui behind a private prototype" \
	'session.o uses et_grid_n of build/src/tui/grid.o: engine/build must not see tui$'

put src/tui/grid.c '
	#include "engine-top/probe.h"
	int et_grid_n(void) { et_probe_hit(); return 2; }'
breaks "tui includes a public header that is not for it" \
	'^src/tui/grid.c includes include/engine-top/probe.h: tui must not see include'

put src/base/text.c '
	int et_grid_n(void);
	int et_text_n(void) { return et_grid_n(); }'
breaks "base knows somebody" 'base must not see tui$'

put src/tui/grid.c '
	int et_cpu_draw(void);
	int et_grid_n(void) { return et_cpu_draw(); }'
breaks "two folders need each other" '^cycle between rooms: src/tui/grid.c src/tui/pane/cpu.c$'

put src/tui/row.c '
	int et_grid_n(void);
	int et_row_n(void) { return et_grid_n(); }'
put src/tui/grid.c '
	int et_row_n(void);
	int et_grid_n(void) { return et_row_n(); }'
breaks "two files of a folder need each other" \
	'^cycle inside tui: src/tui/grid.c src/tui/row.c$'

put src/tui/grid.c '
	int et_grid_fill;
	char *et_grid_name = "x";
	int et_grid_n(void) { return 2; }'
breaks "a second mutable external variable" '^2 mutable external variables, 1 allowed: '

put src/tui/grid.c '
	const char *const et_grid_names[] = { "x" };
	int et_grid_n(void) { return 2; }'
run_check
ok $? "a constant table of pointers is no mutable variable"
good_tree

put src/tui/grid.c '
	int grid_n(void) { return 2; }
	int et_grid_n(void) { return grid_n(); }'
breaks "an external name without et_" "^src/tui/grid.c defines external 'grid_n'"

put src/tui/curses.h ''
put src/tui/grid.c '
	#include "tui/curses.h"
	int et_grid_n(void) { return 2; }'
breaks "curses outside of term.c" '^src/tui/grid.c includes tui/curses.h: only src/tui/term.c may$'

in_handler() { # BEFORE AFTER: change the good signal.c
	sed "s/$1/$2/" src/profiler/agent/signal.c >edited && mv edited src/profiler/agent/signal.c
}
good_tree
grep -q 'signal handlers: on_prof (src/profiler/agent/signal.c)' first
ok $? "the handler was found"
in_handler 'if (signo > 1) helper();' 'free((void *)(long)signo);'
breaks "a handler frees" \
	'signal.c: on_prof() calls free in signal context (on_prof): not in the allow-list$'

in_handler 'struct timespec t;' 'struct timespec t; free(malloc(9));'
breaks "what a handler calls allocates" 'signal.c: helper() calls malloc in signal context (on_prof)'

put src/profiler/agent/ring.c '
	#include <stdio.h>
	int et_ring_put(void) { return puts("x"); }'
breaks "another object that a handler calls prints" 'ring.c: et_ring_put() calls puts in signal'

in_handler 'if (signo > 1) helper();' '((void (*)(void))(long)signo)();'
breaks "a handler calls through a pointer" 'signal.c: on_prof() calls through a pointer'

in_handler 'handler = on_prof' 'handler = et_probe_handler'
in_handler 'static int helper' 'extern void et_probe_handler(int); static int helper'
breaks "a handler that cannot be followed" "signal handler 'et_probe_handler' is no function of"

put src/cellar/rat.c 'int et_rat_n(void) { return 0; }'
breaks "a folder that is no room" '^src/cellar/rat.c stands in no room of the house'

finish
