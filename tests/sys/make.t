#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2086 # words split where a list is meant
#
# The Makefile and the installer of packages, as a person meets them.  Nothing is installed and
# the build under test is only looked at: what is built here is a copy of it.
. tests/lib/tap.sh

chmod 755 "$tmp"

# We run below a make whose variables (CONF=asan) we need and whose job server we cannot use.
MAKEFLAGS=$(echo "${MAKEFLAGS-}" | sed 's/--jobserver[^ ]*//g; s/ -j[0-9]*/ /g')
export MAKEFLAGS
unset MFLAGS MAKELEVEL
case $ET_BUILD in
*/asan | */tsan) CONF=${ET_BUILD##*/} ;;
*) CONF=release ;;
esac
mk() { make --no-print-directory CONF="$CONF" "$@"; }

# ---- help ----------------------------------------------------------------------------------------

make help >"$tmp/help" 2>&1
ok $? "make help"
for target in run help all test bench check check-asan check-tsan check-layers golden compdb \
	install test-readers; do
	grep -q "^  $target  *[a-z]" "$tmp/help"
	ok $? "help names $target and says what it does"
done
make 2>&1 | cmp -s - "$tmp/help"
ok $? "make alone is make help"

# ---- what is built again, and when -----------------------------------------------------------------

mk -q B="$ET_BUILD" all >"$tmp/out" 2>&1
ok $? "a second make all has nothing to do"
note "$tmp/out"
! mk -q -W include/engine-top/err.h B="$ET_BUILD" all >/dev/null 2>&1
ok $? "a changed header is noticed"
mk -n -W src/base/crc32c.c B="$ET_BUILD" all 2>/dev/null | grep -c -- ' -c src/' >"$tmp/out"
[ "$(cat "$tmp/out")" -eq 1 ]
ok $? "a changed source is compiled, and no other"
cp "$ET_BUILD/flags" "$tmp/flags"
mk -q B="$ET_BUILD" CFLAGS=-O1 all >/dev/null 2>&1
cmp -s "$tmp/flags" "$ET_BUILD/flags"
ok $? "make -q writes nothing"
mk -n B="$ET_BUILD" CFLAGS=-O1 all >/dev/null 2>&1
cmp -s "$tmp/flags" "$ET_BUILD/flags"
ok $? "make -n writes nothing"

# ---- install -----------------------------------------------------------------------------------------

mkdir "$tmp/build"
(cd "$ET_BUILD" && cp -a src config.mk flags prefix objects "$tmp/build")
mk B="$tmp/build" PREFIX="$tmp/usr" install >"$tmp/out" 2>&1
ok $? "make install"
note "$tmp/out"
[ "$(grep -c '^  CC ' "$tmp/out")" -eq 1 ]
ok $? "a new PREFIX compiles one file"
same_files() { # WHAT SOURCE INSTALLED
	mkdir "$tmp/want" && cp $2 "$tmp/want"
	diff -r "$tmp/want" "$3" >"$tmp/out" 2>&1
	ok $? "$1 stand in ${3#"$tmp"}"
	note "$tmp/out"
	rm -r "$tmp/want"
}
same_files "themes" "themes/*.yaml" "$tmp/usr/share/engine-top/themes"
same_files "presets" "examples/*.yaml" "$tmp/usr/share/engine-top/examples"
same_files "manual pages" "docs/man/*.1" "$tmp/usr/share/man/man1"

at_home() { # NAME: what the installed program lists as its NAME, away from the checkout
	(cd / && env -u ENGINE_TOP_EXAMPLES -u ENGINE_TOP_THEMES "$tmp/usr/bin/engine-top" "$1") \
		>"$tmp/out" 2>&1
}
at_home presets
ok $? "the installed program lists presets"
for f in examples/*.yaml; do
	name=$(basename "$f" .yaml)
	grep -qw -- "$name" "$tmp/out"
	ok $? "it finds preset $name"
done
at_home themes
ok $? "the installed program lists themes"
for f in themes/*.yaml; do
	name=$(basename "$f" .yaml)
	grep -qw -- "$name" "$tmp/out"
	ok $? "it finds theme $name"
done

mk B="$tmp/build" PREFIX="$tmp/usr" DESTDIR="$tmp/a stage" install >"$tmp/out" 2>&1
ok $? "make install DESTDIR=... with a blank in it"
note "$tmp/out"
cmp -s "$tmp/usr/bin/engine-top" "$tmp/a stage$tmp/usr/bin/engine-top"
ok $? "the same program, staged"
[ -d "$tmp/usr" ] && [ "$(cd "$tmp/usr" && find . | sort)" = "$(cd "$tmp/a stage$tmp/usr" && find . | sort)" ]
ok $? "the same files, staged"

# ---- install-deps.sh ---------------------------------------------------------------------------------

# Stand-ins for the system's own tools, first in the PATH.  `lacks` names the missing packages.
fakes=$tmp/fakes
mkdir "$fakes"
fake() { # NAME: the script on stdin
	{ echo '#!/bin/sh'; cat; } >"$fakes/$1"
	chmod 755 "$fakes/$1"
}
fake id <<'END'
echo "${FAKE_UID:-0}"
END
fake dpkg-query <<'END'
shift 2
for p; do case " $FAKE_LACKS " in *" $p "*) ;; *) echo "$p installed" ;; esac; done
END
fake apt-cache <<'END'
echo "$2:"
echo "  Candidate: ${FAKE_CANDIDATE:-1.0}"
END
fake apt-get <<'END'
echo "$*" >>"$FAKE_LOG"
echo "E: the disk is on fire"
case "$*" in *"${FAKE_FAILS:-nothing fails}"*) exit 100 ;; esac
END
cp scripts/install-deps.sh "$tmp/"
FAKE_LOG=$tmp/apt.log
export FAKE_LOG
deps() { # STATUS NAME [VAR=VALUE...] -- GROUP...
	want=$1 name=$2
	shift 2
	: >"$FAKE_LOG"
	env PATH="$fakes:$PATH" "$@" >"$tmp/out" 2>&1
	[ $? -eq "$want" ]
	ok $? "install-deps: $name exits $want"
}
install_deps="sh $tmp/install-deps.sh"

deps 0 "nothing missing" FAKE_UID=1000 $install_deps build test readers
[ ! -s "$tmp/out" ]
ok $? "and says nothing"

deps 3 "without root" FAKE_UID=1000 FAKE_LACKS='libarchive-dev libdw-dev' $install_deps build test
echo 'sudo apt-get install -y --no-install-recommends libarchive-dev libdw-dev' >"$tmp/want"
cmp -s "$tmp/want" "$tmp/out"
ok $? "and prints the one line to type"
note "$tmp/out"

deps 3 "without root and without package lists" FAKE_UID=1000 FAKE_CANDIDATE='(none)' \
	FAKE_LACKS=libarchive-dev $install_deps build
sed 's/^/sudo apt-get update \&\& /; s/ libdw-dev//' "$tmp/want" | cmp -s - "$tmp/out"
ok $? "and the line fetches the lists first"

if [ "$(id -u)" -eq 0 ]; then
	rm "$fakes/id"
	deps 3 "a real nobody" FAKE_LACKS='libarchive-dev libdw-dev' \
		setpriv --reuid=65534 --regid=65534 --clear-groups $install_deps build
	cmp -s "$tmp/want" "$tmp/out"
	ok $? "and prints the same line"
	fake id <<-'END'
	echo "${FAKE_UID:-0}"
	END
fi

deps 0 "with root" FAKE_LACKS=libarchive-dev $install_deps build test
echo 'engine-top: installing libarchive-dev (writes and reads tar layers)' | cmp -s - "$tmp/out"
ok $? "and says what and why, nothing else"
[ "$(grep -c update "$FAKE_LOG")" -eq 0 ] &&
	grep -q 'install -y --no-install-recommends libarchive-dev$' "$FAKE_LOG"
ok $? "it installs what is missing, only that, and fetches no lists"
note "$FAKE_LOG"

deps 0 "with root and without package lists" FAKE_LACKS=libarchive-dev FAKE_CANDIDATE='(none)' \
	$install_deps build
head -n 1 "$FAKE_LOG" | grep -q 'update$'
ok $? "fetches the lists first"

deps 3 "a failing apt-get" FAKE_LACKS=libarchive-dev FAKE_FAILS=libarchive-dev $install_deps build
grep -q 'the disk is on fire' "$tmp/out" && tail -n 1 "$tmp/out" | grep -q '^engine-top: could not'
ok $? "shows the end of its log"

deps 2 "an unknown group" $install_deps build tset
one_line "$tmp/out" && grep -q "'tset'" "$tmp/out"
ok $? "and names it in one line"
deps 2 "no group" $install_deps

mkdir "$tmp/strange"
for tool in sh cat cut grep id paste sed; do
	ln -s "$(command -v "$tool")" "$tmp/strange/"
done
PATH=$tmp/strange sh "$tmp/install-deps.sh" build >"$tmp/out" 2>&1
[ $? -eq 3 ] && one_line "$tmp/out" && grep -q 'libarchive' "$tmp/out"
ok $? "on another system: one line that names the libraries, exit 3"
note "$tmp/out"

# ---- continuous integration ------------------------------------------------------------------------

grep '^make' .ci/run >"$tmp/out"
printf 'make test\nmake check-asan\nmake check-tsan\nmake test-readers\n' | cmp -s - "$tmp/out" && [ -x .ci/run ]
ok $? ".ci/run calls make test, the sanitizer builds, make test-readers"

finish
