#!/bin/sh
# `engine-top themes`, and what a theme that is not there or not right is told.
: "${ET_BIN:?}"
dir=$(mktemp -d "${TMPDIR:-/tmp}/et-themes.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
unset ENGINE_TOP_THEMES ENGINE_TOP_THEME
n=0
ok()
{
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" && return
	echo "not ok $n - $2"
	sed 's/^/# out: /' "$dir/out"
	sed 's/^/# err: /' "$dir/err"
}
run() { "$ET_BIN" "$@" > "$dir/out" 2> "$dir/err"; status=$?; }

run themes
ok $status "themes: exit 0"
for theme in dusk mono paper; do
	path=$(awk -v t="$theme" '$1 == t { print $NF }' "$dir/out")
	[ -r "$path" ]
	ok $? "themes: $theme with a path that can be read"
done
[ "$(grep -c '(default)' "$dir/out")" = 1 ] && grep -q '^dusk .*(default)' "$dir/out"
ok $? "themes: the default is marked, once"
run themes extra
[ $status = 2 ] && grep -q "'extra'" "$dir/err"
ok $? "themes takes no argument"
run themes --what
[ $status = 2 ] && [ -s "$dir/err" ]
ok $? "themes: an unknown option"

mkdir "$dir/themes"
printf 'theme: good\nabout: fine\nroles: {text: {fg: red}}\n' > "$dir/themes/good.yaml"
printf 'roles:\n  text: {fg: rad}\n' > "$dir/themes/bad.yaml"
export ENGINE_TOP_THEMES="$dir/themes"
run themes
[ $status = 2 ] && grep -q '^good  *fine' "$dir/out"
ok $? "a folder of one's own: what is right is listed"
grep -q "bad.yaml:2:14: unknown colour 'rad'; did you mean 'red'?" "$dir/err"
ok $? "what is wrong is named with its place"
ENGINE_TOP_THEMES=$dir/nowhere run themes
[ $status = 3 ] && [ "$(wc -l < "$dir/err")" = 1 ]
ok $? "no folder of themes: exit 3, one line"
echo "1..$n"
