#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# install-deps.sh GROUP...   groups: build test readers
#
# Installs the Debian packages that a group needs, and only those that are not there.  Says what
# and why before it does.  Exit: 0 all there, 2 bad usage, 3 something is missing and cannot be
# installed from here (then one line says what to type).
set -u

# group, package, how to see that it is there on any system (a command, or a library as
# pkg-config calls it), and why we need it.
table() {
	cat <<-'END'
	build gcc cmd:gcc compiles engine-top
	build make cmd:make runs the Makefile
	build libc6-dev file:/usr/include/stdio.h headers of the C library
	build pkg-config cmd:pkg-config tells where the libraries are
	build libncurses-dev pc:ncursesw draws the dashboard
	build libarchive-dev pc:libarchive writes and reads tar layers
	build libssl-dev pc:libcrypto SHA-256 of layers and blobs
	build libyaml-dev pc:yaml-0.1 reads presets and themes
	build libdw-dev pc:libdw turns addresses into function names and lines
	build libjansson-dev pc:jansson reads and writes JSON
	build libzstd-dev pc:libzstd compresses the frames of recordings
	build zlib1g-dev pc:zlib compresses layers with gzip
	test perl cmd:prove prove, the harness that runs the tests
	test tmux cmd:tmux the terminal in which tests press keys
	test skopeo cmd:skopeo independent reader of the images we build
	test umoci cmd:umoci unpacks the images we build
	test libarchive-tools cmd:bsdtar makes and lists archives for tests
	readers python3 cmd:python3 an independent reader of tar layers and of JSON
	readers sqlite3 cmd:sqlite3 a real program whose stacks the unwinder is tested on
	readers openssl cmd:openssl another, with hand-written vector code
	readers groff-base cmd:groff typesets the manual pages and names their mistakes
	readers valgrind cmd:valgrind runs the unit tests under memcheck
	END
}

say() { echo "engine-top: $*" >&2; }

wanted() { # GROUP...: the rows of these groups
	table | while read -r group package probe why; do
		case " $* " in
		*" $group "*) echo "$package $probe $why" ;;
		esac
	done
}

is_debian() { command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; }

# One question for all packages.  A tool that stands in the PATH without its package (someone's
# own gcc) is as good as the package.
missing_packages() { # rows: those whose package is not installed
	# shellcheck disable=SC2046 # package names have no blanks
	have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' \
		$(echo "$1" | cut -d ' ' -f 1) 2>/dev/null)
	echo "$1" | while read -r package probe why; do
		echo "$have" | grep -qx "$package installed" && continue
		case $probe in
		cmd:*) command -v "${probe#cmd:}" >/dev/null 2>&1 && continue ;;
		esac
		echo "$package $probe $why"
	done
}

missing_probes() { # the same question on a system that is not a Debian
	echo "$1" | while read -r package probe why; do
		case $probe in
		cmd:*) command -v "${probe#cmd:}" ;;
		pc:*) pkg-config --exists "${probe#pc:}" ;;
		file:*) test -e "${probe#file:}" ;;
		esac >/dev/null 2>&1 || echo "$package $probe $why"
	done
}

# Does apt know where to get each of these?  (A fresh container has no package lists.)
has_candidates() {
	for p in "$@"; do
		LC_ALL=C apt-cache policy "$p" 2>/dev/null |
			grep -q '^  Candidate: [^(]' || return 1
	done
}

apt() { DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" \
	</dev/null >>"$log" 2>&1; }
update() { say "fetching the package lists"; apt update; }
install_now() { apt install -y --no-install-recommends "$@"; }

[ $# -gt 0 ] || { say "usage: install-deps.sh GROUP...   groups: build test readers"; exit 2; }
for group; do
	case $group in
	build | test | readers) ;;
	*) say "install-deps.sh: no group '$group'; groups: build test readers"; exit 2 ;;
	esac
done
rows=$(wanted "$@")

if ! is_debian; then
	lack=$(missing_probes "$rows" | cut -d ' ' -f 2 | sed 's/^[a-z]*://' | paste -s -d ' ' -)
	[ -n "$lack" ] || exit 0
	say "this is not a Debian; install with its own tools: $lack"
	exit 3
fi

rows=$(missing_packages "$rows")
[ -n "$rows" ] || exit 0
packages=$(echo "$rows" | cut -d ' ' -f 1 | paste -s -d ' ' -)

first=
if [ "$(id -u)" -ne 0 ]; then
	# shellcheck disable=SC2086 # package names have no blanks
	has_candidates $packages || first='sudo apt-get update && '
	echo "${first}sudo apt-get install -y --no-install-recommends $packages" >&2
	exit 3
fi

echo "$rows" | while read -r package probe why; do
	say "installing $package ($why)"
done
log=$(mktemp) || exit 3
trap 'rm -f "$log"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
# Lists that are there may still be old: a package that has moved on is asked for a second time.
# shellcheck disable=SC2086
if has_candidates $packages && install_now $packages; then
	exit 0
fi
# shellcheck disable=SC2086
if update && install_now $packages; then
	exit 0
fi
tail -n 25 "$log" >&2
say "could not install: $packages (the lines above say why)"
exit 3
