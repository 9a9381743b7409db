#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# valgrind.sh PROGRAM [ARG...]: run one test under memcheck (`make check-valgrind`).  Its TAP goes
# through; any error or definite leak that memcheck sees makes the test fail.
if ! command -v valgrind >/dev/null; then
	echo "1..0 # SKIP valgrind is not installed: sh scripts/install-deps.sh readers"
	exit 0
fi
exec valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
	--errors-for-leak-kinds=definite "$@"
