#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# valgrind.sh PROGRAM: one test program under memcheck (`make check-valgrind`).  One TAP case: no
# bad access, nothing used that was never set, no definite leak.  What the program itself asserts
# is judged where it runs plainly: here long double is short, and time runs ten times slower.
if ! command -v valgrind >/dev/null; then
	echo "1..0 # SKIP valgrind is not installed: sh scripts/install-deps.sh readers"
	exit 0
fi
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
valgrind -q --log-file="$log" --error-exitcode=99 --leak-check=full \
	--show-leak-kinds=definite --errors-for-leak-kinds=definite \
	--suppressions="$(dirname "$0")/valgrind.supp" "$@" >/dev/null 2>&1
status=$?
echo "1..1"
if [ "$status" -ne 99 ] && [ "$status" -lt 128 ]; then
	echo "ok 1 - ${1##*/} under memcheck"
else
	echo "not ok 1 - ${1##*/} under memcheck (exit $status)"
	head -n 60 "$log" | sed 's/^/# /'
fi
