#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A bad preset given to `run`: exit 2, nothing on stdout, and exactly one line on stderr that names
# file, line and column.  What each line says is the matter of tests/unit/test_preset.c.
. tests/lib/tap.sh
cd "$tmp" || exit 1
unset ENGINE_TOP_EXAMPLES

refuses() { # NAME PLACE FILE: place is line:column
	"$ET_BIN" run "$3" --plain >out 2>err </dev/null
	status=$?
	[ "$status" -eq 2 ] && [ ! -s out ] && one_line err &&
		grep -q "^engine-top: $3:$2: " err && ! LC_ALL=C grep -q '[[:cntrl:]]' err
	ok $? "$1" || cut -c 1-300 err out | sed "s/^/# exit $status: /"
}
yaml() { # NAME PLACE TEXT (of printf)
	# shellcheck disable=SC2059 # the text is a format on purpose
	printf "$3" >bad.yaml
	refuses "$1" "$2" bad.yaml
}

yaml "empty file" 1:1 ''
yaml "only a comment" 1:1 '# nothing\n'
yaml "unknown key" 2:1 'version: 1\ntarget: []\n'
yaml "wrong type" 2:7 'version: 1\njobs: [2]\n'
yaml "duplicate key" 3:1 'version: 1\njobs: 1\njobs: 2\n'
yaml "tab" 3:1 'version: 1\nsample:\n\thz: 99\n'
yaml "not YAML" 2:7 'version: 1\nname: "a: b\n'
yaml "binary" 1:1 '\177ELF\001\002\000\000'
yaml "NUL bytes" 1:10 'version: \0001\n'
yaml "escape sequence" 2:7 'version: 1\nname: \033[2J\n'
yaml "escape sequence in quotes" 2:7 'version: 1\njobs: "\\e[2J\\x07"\n'
yaml "invalid UTF-8" 2:9 'version: 1\nname: ab\377\n'
yaml "UTF-16" 1:1 '\377\376v\000'
yaml "alias bomb" 1:4 'a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n'
yaml "tag" 1:10 'version: !!int 1\n'
yaml "two documents" 2:1 'version: 1\n---\nversion: 1\n'
yaml "no version" 1:1 'name: x\n'
yaml "unsupported version" 1:10 'version: 2\n'
yaml "no targets" 1:1 'version: 1\n'
yaml "unknown kind" 3:19 'version: 1\ntargets:\n- {name: a, kind: imag}\n'
yaml "key of another kind" 3:26 'version: 1\ntargets:\n- {name: a, kind: image, files: 3}\n'
yaml "missing key" 3:3 'version: 1\ntargets:\n- {name: a, kind: generate}\n'
yaml "number out of range" 3:36 'version: 1\ntargets:\n- {name: a, kind: generate, files: 0}\n'
yaml "unknown need" 3:46 'version: 1\ntargets:\n- {name: a, kind: generate, files: 1, needs: b}\n'
yaml "cycle" 3:3 'version: 1\ntargets:\n- {name: a, kind: generate, files: 1, needs: b}\n- {name: b, kind: generate, files: 1, needs: a}\n'
yaml "name twice" 4:10 'version: 1\ntargets:\n- {name: a, kind: generate, files: 1}\n- {name: a, kind: generate, files: 1}\n'
yaml "bad output" 3:46 'version: 1\ntargets:\n- {name: a, kind: image, context: ., output: "docker:x"}\n'

{ echo 'version: 1'; printf 'targets: '; head -c 50000 /dev/zero | tr '\0' '['; } >deep.yaml
refuses "50,000 levels deep" 2:41 deep.yaml
awk 'BEGIN { print "version: 1\ntargets:"; for (i = 0; i < 20000; i++) print "- x" }' >long.yaml
refuses "20,000 targets" 10000:3 long.yaml
head -c 2000000 /dev/zero | tr '\0' x >large.yaml
"$ET_BIN" run large.yaml --plain >out 2>err </dev/null
[ $? -eq 2 ] && [ ! -s out ] && one_line err && grep -q "large.yaml' is larger than" err
ok $? "2 MB"

refuses_all() { # NAME WORDS PRESET: no file to point into
	"$ET_BIN" run "$3" --plain >out 2>err </dev/null
	status=$?
	[ "$status" -eq 2 ] && [ ! -s out ] && one_line err && grep -q "$2" err
	ok $? "$1" || cut -c 1-300 err out | sed "s/^/# exit $status: /"
}
refuses_all "unknown preset" "unknown preset 'quikstart'; did you mean 'quickstart'?" quikstart
refuses_all "missing file" "cannot open preset './none.yaml': No such file" ./none.yaml
refuses_all "a folder" "is a directory, not a file" "$tmp/"
refuses_all "a missing context" nowhere-at-all "$(
	printf 'version: 1\ntargets:\n- {name: a, kind: image, context: nowhere-at-all, output: "oci:a:b"}\n' >ctx.yaml
	echo ctx.yaml
)"

finish
