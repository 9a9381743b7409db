#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Every shipped preset runs: each of its targets is ok, exit 0, and nothing is left behind, for a
# private store goes away with the program.
. tests/lib/tap.sh

mkdir "$tmp/tmpdir"
TMPDIR=$tmp/tmpdir
export TMPDIR

for file in examples/*.yaml; do
	targets=$(grep -c '^  - name: ' "$file")
	"$ET_BIN" run "$file" --plain >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	[ $status -eq 0 ] && grep -q "^$targets of $targets targets ok" "$tmp/out"
	ok $? "$file: $targets targets ok, exit 0" ||
		head -n 50 "$tmp/err" "$tmp/out" | sed "s/^/# exit $status: /"
	[ -z "$(ls -A "$TMPDIR")" ]
	ok $? "$file: nothing is left in TMPDIR"
done

# relative paths are meant from the preset's folder, wherever the program is run
cat >"$tmp/mine.yaml" <<'YAML'
version: 1
store: kept
targets:
  - {name: t, kind: generate, files: 20, size: 100}
  - {name: a, kind: image, context: files, output: "oci:images:a"}
  - {name: b, kind: image, from: t, output: "oci:images:b"}
YAML
mkdir "$tmp/files" && echo content >"$tmp/files/file" && mkdir "$tmp/elsewhere"
(cd "$tmp/elsewhere" && "$ET_BIN" run ../mine.yaml --plain >../out 2>../err </dev/null)
ok $? "a preset of one's own, run from elsewhere"
note "$tmp/err"
grep -q '"org.opencontainers.image.ref.name": *"a"' "$tmp/kept/images/index.json" &&
	grep -q '"org.opencontainers.image.ref.name": *"b"' "$tmp/kept/images/index.json"
ok $? "its store is beside it, and keeps both images"
[ -z "$(ls -A "$tmp/elsewhere")" ] && [ -z "$(ls -A "$TMPDIR")" ]
ok $? "and nothing is anywhere else"

finish
