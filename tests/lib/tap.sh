# SPDX-License-Identifier: Apache-2.0
#
# For tests/*/*.t, which source it from the top of the tree: TAP as tests/lib/tap.h speaks it, and
# a folder in $tmp that goes away with the script.  Run by hand, a script tests the release build.
#
#   . tests/lib/tap.sh
#   "$ET_BIN" help >"$tmp/out"
#   ok $? "help is there"
#   finish
: "${ET_BUILD:=build/release}"
: "${ET_BIN:=$PWD/$ET_BUILD/engine-top}"
export ET_BUILD ET_BIN

tap_n=0 tap_failed=0 tap_exit=
tmp=$(mktemp -d) || exit 1
trap 'eval "$tap_exit"; rm -rf "$tmp"' EXIT
trap 'exit 129' HUP # the shell forgets the line above when a signal ends it
trap 'exit 130' INT
trap 'exit 143' TERM

at_exit() { # COMMAND: is run before $tmp is removed, the last one given first
	tap_exit="$1
$tap_exit"
}

diag() { # TEXT
	printf '# %s\n' "$*"
}

note() { # [FILE...]: their lines, or stdin's, as remarks
	sed 's/^/# /' "$@"
}

# A script may define its own: it is called after each "not ok".
explain() { :; }

ok() { # STATUS NAME; returns 0 or 1
	tap_n=$((tap_n + 1))
	if [ "$1" -eq 0 ]; then
		printf 'ok %d - %s\n' $tap_n "$2"
		return
	fi
	printf 'not ok %d - %s\n' $tap_n "$2"
	tap_failed=$((tap_failed + 1))
	explain
	return 1
}

is() { # GOT WANT NAME
	[ "$1" = "$2" ]
	ok $? "$3" || printf ' got: %s\nwant: %s\n' "$1" "$2" | note
}

skip() { # NAME WHY: a case that cannot run here
	tap_n=$((tap_n + 1))
	printf 'ok %d - %s # SKIP %s\n' $tap_n "$1" "$2"
}

skip_all() { # WHY
	echo "1..0 # SKIP $1"
	exit 0
}

one_line() { # FILE: is it one?
	[ "$(wc -l <"$1")" -eq 1 ]
}

poll() { # COMMAND...: until it succeeds, for 30 s beside the time that it takes itself
	tap_polls=1500
	until "$@"; do
		tap_polls=$((tap_polls - 1))
		[ $tap_polls -gt 0 ] || return 1
		sleep 0.02
	done
}

finish() { # the last command of a script: a plan, without which prove believes nothing
	echo "1..$tap_n"
	[ $tap_failed -eq 0 ]
	exit
}
