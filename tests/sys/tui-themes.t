#!/bin/sh
# `engine-top themes`, and what a theme that is not there or not right is told.
. tests/lib/tap.sh
unset ENGINE_TOP_THEMES ENGINE_TOP_THEME
explain()
{
	sed 's/^/# out: /' "$tmp/out"
	sed 's/^/# err: /' "$tmp/err"
}
run() { "$ET_BIN" "$@" > "$tmp/out" 2> "$tmp/err"; status=$?; }

run themes
ok $status "themes: exit 0"
for theme in dusk mono paper; do
	path=$(awk -v t="$theme" '$1 == t { print $NF }' "$tmp/out")
	[ -r "$path" ]
	ok $? "themes: $theme with a path that can be read"
done
[ "$(grep -c '(default)' "$tmp/out")" = 1 ] && grep -q '^dusk .*(default)' "$tmp/out"
ok $? "themes: the default is marked, once"
run themes extra
[ $status = 2 ] && grep -q "'extra'" "$tmp/err"
ok $? "themes takes no argument"
run themes --what
[ $status = 2 ] && [ -s "$tmp/err" ]
ok $? "themes: an unknown option"

mkdir "$tmp/themes"
printf 'theme: good\nabout: fine\nroles: {text: {fg: red}}\n' > "$tmp/themes/good.yaml"
printf 'roles:\n  text: {fg: rad}\n' > "$tmp/themes/bad.yaml"
export ENGINE_TOP_THEMES="$tmp/themes"
run themes
[ $status = 2 ] && grep -q '^good  *fine' "$tmp/out"
ok $? "a folder of one's own: what is right is listed"
grep -q "bad.yaml:2:14: unknown colour 'rad'; did you mean 'red'?" "$tmp/err"
ok $? "what is wrong is named with its place"
ENGINE_TOP_THEMES=$tmp/nowhere run themes
[ $status = 2 ] && one_line "$tmp/err"
ok $? "a variable that names no folder: exit 2, one line"

finish
