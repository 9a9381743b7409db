#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Every prototype in include/ carries its contract, and the check that says so can fail.
. tests/lib/tap.sh

check=$PWD/scripts/check-headers.pl
out=$(perl "$check" include/engine-top/*.h 2>&1)
ok $? "include/ speaks"
echo "$out" | note
# A parser that saw nothing would agree with everything: count the names another way.
names=$(sed 's,//.*,,' include/engine-top/*.h | grep -cE '^[a-z].*\bet_[a-z0-9_]+\(')
echo "$out" | grep -q "^headers: $names prototypes"
ok $? "it saw all $names prototypes"

cd "$tmp" || exit 1

says() { # NAME STATUS PATTERN: for the header on stdin
	cat >x.h
	perl "$check" x.h >out 2>&1
	status=$?
	[ "$status" -eq "$2" ] && grep -q -- "$3" out
	ok $? "$1"
	note out
}

says "two prototypes may share a comment" 0 '^headers: 2 prototypes' <<'END'
/* Both.
 * [own] none   [thr] any
 * [sig] no   [err] never */
int et_a(void);
struct et_b *et_b(int x,
		  void (*fn)(void *self));
END
says "no comment" 1 '^x.h:1: et_a: no comment directly above it$' <<'END'
int et_a(void);
END
says "a blank line ends the comment's reach" 1 '^x.h:3: et_a: no comment' <<'END'
/* Far away.  [own] none   [thr] any   [sig] no   [err] never */

int et_a(void);
END
says "a tag that lacks" 1 '^x.h:2: et_a: its comment lacks \[sig\]$' <<'END'
/* [own] none   [thr] any   [err] never */
int et_a(void);
END
says "a tag that says nothing" 1 '^x.h:2: et_a: its comment lacks \[own\]$' <<'END'
/* [own]   [thr] any   [sig] no   [err] never */
int et_a(void);
END
says "a function with a body is read to its end" 1 '^x.h:5: et_b: no comment' <<'END'
/* [own] none   [thr] any   [sig] safe   [err] never */
static inline int et_a(void) { if (1) { return 1; } return 0; }
struct et_s { int x; /* { */ };

int et_b(void);
END
says "a table of functions without a word" 1 '^x.h:1: struct et_s holds functions' <<'END'
struct et_s {
	int (*put)(void *self);
};
END
says "a table of functions that speaks" 0 '^headers: 0 prototypes' <<'END'
struct et_s {
	int (*put)(void *self); /* called by the sink's own thread */
};
END

finish
