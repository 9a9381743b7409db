#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Documentation that is run: every command line in a ```sh block of README.md and docs/*.md must
# exit 0 (or N, if the line ends with "# exits N").  Lines of one file run in order in one empty
# folder that holds examples/, themes/ and the files that ```yaml blocks name in their first line.
# A dashboard runs in tmux until it draws, then gets q.
# Also: links lead somewhere, manual pages have no mistakes that groff can see.
. tests/lib/tap.sh

top=$PWD
socket=$tmp/tmux
at_exit 'tmux -S "$socket" kill-server 2>/dev/null'
mkdir "$tmp/bin" && ln -s "$ET_BIN" "$tmp/bin/engine-top" || exit 1
PATH=$tmp/bin:$PATH LC_ALL=C.UTF-8
export PATH LC_ALL
unset MAKEFLAGS MFLAGS MAKELEVEL ENGINE_TOP_THEME ENGINE_TOP_THEMES ENGINE_TOP_EXAMPLES

# ---- command lines ----------------------------------------------------------------------------------

# shellcheck disable=SC2016 # backquotes are meant
commands() { # FILE: the lines of its sh blocks, continuations joined, comment lines dropped
	sed -n '/^```sh$/,/^```$/p' "$1" | grep -v '^```' |
		sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}' | grep -v '^ *#' | grep .
}

# shellcheck disable=SC2016
files() { # FILE: write each yaml block that begins with "# NAME.yaml" as that file
	awk '/^```yaml$/ { getline; name = $0 ~ /^# [a-z-]+\.yaml$/ ? $2 : "/dev/null"; inside = 1 }
		/^```$/ { inside = 0 }
		inside { print > name }' "$1"
}

is_skipped() { # what builds or installs; tests/sys/make.t and the fresh clone are for these
	case $1 in
	"make "* | "sudo "*) return 0 ;;
	esac
	return 1
}

is_dashboard() {
	case $1 in
	*--at* | *--screen*) return 1 ;;
	engine-top | "engine-top replay "*) return 0 ;;
	"engine-top run "* | "engine-top build "* | "engine-top presets"* | "engine-top themes"*) ;;
	"engine-top doctor"* | "engine-top help"* | "engine-top --"*) ;;
	"engine-top "*) return 0 ;;
	esac
	return 1
}

has_drawn() { tmux -S "$socket" capture-pane -p >"$tmp/screen" 2>/dev/null && grep -q CPU "$tmp/screen"; }

on_terminal() { # LINE: run it in tmux, press q when it has drawn; its exit status
	rm -f "$tmp/status"
	printf '%s\necho $? >"%s/status.new"\nmv "%s/status.new" "%s/status"\n' \
		"$1" "$tmp" "$tmp" "$tmp" >"$tmp/script"
	tmux -S "$socket" -u -f /dev/null new-session -d -x 120 -y 40 "sh $tmp/script" || return 99
	if poll has_drawn; then
		tmux -S "$socket" send-keys q
	else
		diag "no dashboard within 30 s:" && note "$tmp/screen"
	fi
	poll test -f "$tmp/status"
	tmux -S "$socket" kill-server 2>/dev/null
	return "$(cat "$tmp/status" 2>/dev/null || echo 98)"
}

for doc in README.md docs/*.md; do
	commands "$top/$doc" >"$tmp/commands"
	dir=$tmp/$(echo "$doc" | tr / _)
	mkdir "$dir" && ln -s "$top/examples" "$top/themes" "$dir" && cd "$dir" || exit 1
	files "$top/$doc"
	while read -r line <&3; do
		command=$(echo "$line" | sed 's/  *# .*//')
		if is_skipped "$command"; then
			skip "$doc: $command" "builds or installs"
			continue
		fi
		want=$(echo "$line" | sed -n 's/.*# exits \([0-9]*\)$/\1/p')
		if is_dashboard "$command"; then
			on_terminal "$line"
		else
			timeout 120 sh -c "$line" >"$tmp/out" 2>&1 </dev/null
		fi
		status=$?
		[ "$status" -eq "${want:-0}" ]
		ok $? "$doc: $command" || { diag "exit $status"; note "$tmp/out"; }
	done 3<"$tmp/commands"
	cd "$top" || exit 1
done

# A parser that finds nothing would be content with everything.
for must in "make run" "make test" "engine-top run " "engine-top build " "engine-top replay "; do
	commands README.md | grep -q "^$must"
	ok $? "README.md shows $must"
done
sed -n '1,60p' README.md | grep -c '^make \(run\|test\)' | grep -qx 2
ok $? "the two commands stand on README.md's first screen"

# ---- links -----------------------------------------------------------------------------------------

for doc in README.md CHANGELOG.md docs/*.md; do
	grep -o '](\([^)#]*\))' "$doc" | sed 's/^](//; s/)$//' | grep -v '^https\{0,1\}:' |
		while read -r link; do
			[ -e "$(dirname "$doc")/$link" ] || echo "$link"
		done >"$tmp/broken"
	[ ! -s "$tmp/broken" ]
	ok $? "$doc: every link leads somewhere"
	note "$tmp/broken"
done

# ---- manual pages -------------------------------------------------------------------------------------

for page in docs/man/*.1; do
	if command -v groff >/dev/null; then
		groff -man -ww -z -Tutf8 "$page" >"$tmp/out" 2>&1 && [ ! -s "$tmp/out" ]
		ok $? "$page: groff has no complaint"
		note "$tmp/out"
	else
		skip "$page: groff has no complaint" "groff is not installed"
	fi
done
version=$("$ET_BIN" --version | sed -n '1s/^engine-top \([0-9.]*\).*/\1/p')
for page in docs/man/*.1; do
	grep -q "^\.TH .* \"engine-top $version\" " "$page"
	ok $? "$page is of version $version"
done
for name in top run build replay; do
	page=docs/man/engine-top-$name.1
	[ $name = top ] && page=docs/man/engine-top.1
	"$ET_BIN" help $name | grep -oE '^ +(-[a-zA-Z], )?--?[a-z-]+' | grep -oE -e '--?[a-z][a-z-]*' |
		sort -u >"$tmp/options"
	sed 's/\\-/-/g' $page >"$tmp/page"
	while read -r option; do
		grep -q -e "[^a-z-]$option\([^a-z-]\|\$\)" "$tmp/page" || echo "$option"
	done <"$tmp/options" >"$tmp/silent"
	[ -s "$tmp/options" ] && [ ! -s "$tmp/silent" ]
	ok $? "$page knows every option of help $name"
	note "$tmp/silent"
done

finish
