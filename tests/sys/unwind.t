#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A few hundred stacks of real programs, taken by the unwinder and by backtrace() from the same
# interrupted context: frame by frame the same.  tests/readers/unwind.t takes ten thousand.
. tests/lib/tap.sh
. tests/lib/unwind.sh

if [ -x "$cc1" ]; then
	set=cc1
	compile src/profiler/agent/heap.c -O1
	judge 50 0 "the compiler"
else
	skip "the compiler" "gcc has no cc1 here"
fi

set=bsdtar
watched bsdtar -cJf "$tmp/tree.txz" src docs
judge 50 0 "bsdtar, with xz"

set=perl
watched perl -e 'my %h; $h{$_ * 7919 % 10007} .= "x$_" for 1 .. 200000; print scalar(sort keys %h)' \
	>/dev/null
judge 50 0 "perl"

if command -v sqlite3 >/dev/null; then
	set=sqlite
	sql 30000 | watched sqlite3 :memory: >/dev/null
	judge 50 0 "sqlite3"
else
	skip "sqlite3" "it is not installed"
fi

finish
