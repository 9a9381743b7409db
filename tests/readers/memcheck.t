#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The unit tests under valgrind's memcheck: no bad access, no use of what was never set, no
# definite leak.  A sanitizer build watches itself and cannot run under it.
case $ET_BUILD in
*/asan | */tsan)
	echo "1..0 # SKIP a sanitizer build cannot run under valgrind"
	exit 0
	;;
esac
n=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for test in "$ET_BUILD"/unit/test_*; do
	n=$((n + 1))
	if sh tests/lib/valgrind.sh "$test" >"$log" 2>&1; then
		echo "ok $n - ${test##*/}"
	else
		echo "not ok $n - ${test##*/}"
		grep -e '^not ok' -e '^==' "$log" | head -n 40 | sed 's/^/# /'
	fi
done
echo "1..$n"
