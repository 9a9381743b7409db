#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A layer of ours, read by two tar readers that are not libarchive: GNU tar and Python's tarfile.
# Each must give back the tree that went in: names, modes, times, links.
. tests/lib/tap.sh

export LC_ALL=C.UTF-8 TZ=UTC
umask 022

# ---- a tree with what is hard in tar ---------------------------------------------------------------

tree=$tmp/tree
long=$(printf '%0120d' 0)
mkdir -p "$tree/empty" "$tree/$long/$long/deep" "$tree/bin"
echo hello >"$tree/plain"
: >"$tree/nothing"
head -c 300000 /dev/zero >"$tree/zeros"
echo 'echo hi' >"$tree/bin/run me"
chmod 4755 "$tree/bin/run me"
chmod 1777 "$tree/empty"
echo x >"$tree/$long/$long/deep/$long"
echo grüße >"$tree/grüße-日本語"
ln "$tree/plain" "$tree/zz-hard"
ln -s plain "$tree/soft"
ln -s "/nowhere/$long/$long" "$tree/dangling"
find "$tree" -exec touch -h -d '2001-02-03 04:05:06' {} +

"$ET_BIN" build "$tree" -t "oci:$tmp/store:v1" >"$tmp/out" 2>&1
ok $? "the image is built"
note "$tmp/out"

blob() { # DIGEST: its file
	echo "$tmp/store/blobs/$(echo "$1" | tr : /)"
}
json() { # FILE EXPRESSION: a value of it, d is the document
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$@"
}
manifest=$(blob "$(json "$tmp/store/index.json" 'd["manifests"][0]["digest"]')")
layer=$(blob "$(json "$manifest" 'd["layers"][0]["digest"]')")
config=$(blob "$(json "$manifest" 'd["config"]["digest"]')")
gzip -t "$layer"
ok $? "gzip accepts the layer"
[ "sha256:$(gzip -dc "$layer" | sha256sum | cut -d ' ' -f 1)" = "$(json "$config" 'd["rootfs"]["diff_ids"][0]')" ]
ok $? "diff_id is the digest of what gzip gives back"

# ---- what the readers make of it ------------------------------------------------------------------

describe() { # DIR: one line for each entry: type, mode, time, size, links, link target, name
	(cd "$1" && find . -mindepth 1 \( -type d -printf '%y %m %T@ - - - %p\n' \) -o \
		\( -type f -printf '%y %m %T@ %s %n - %p\n' \) -o \
		\( -type l -printf '%y - - - - %l %p\n' \) | sort
	find . -type f | sort | while read -r f; do sha256sum "$f"; done)
}
describe "$tree" >"$tmp/want"

gives_back() { # NAME: $tmp/NAME holds what it unpacked
	describe "$tmp/$1" >"$tmp/got" && diff "$tmp/want" "$tmp/got" >"$tmp/out"
	ok $? "$1 gives back the same tree"
	head -n 20 "$tmp/out" | note
}

mkdir "$tmp/tar" "$tmp/python"
tar -C "$tmp/tar" --numeric-owner -xpzf "$layer"
ok $? "GNU tar unpacks the layer"
gives_back tar
python3 -c '
import sys, tarfile
# Newer versions leave out the setuid bit unless told that we trust the archive.
trust = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
with tarfile.open(sys.argv[1]) as t:
    t.extractall(sys.argv[2], numeric_owner=True, **trust)
' "$layer" "$tmp/python"
ok $? "Python unpacks the layer"
gives_back python

# ---- the report -------------------------------------------------------------------------------------

"$ET_BIN" run selftest "--json=$tmp/report.json" >/dev/null 2>&1
ok $? "a run writes its report"
python3 -c '
import json, sys
def no_twice(pairs):
    assert len({k for k, _ in pairs}) == len(pairs), pairs
    return dict(pairs)
def no_constant(c):
    raise ValueError(c)
d = json.load(open(sys.argv[1], encoding="utf-8"), object_pairs_hook=no_twice,
    parse_constant=no_constant)
assert d["schema"] and d["builds"] and d["cpu"]["functions"], d.keys()
' "$tmp/report.json"
ok $? "Python reads it: no key twice, no NaN"

finish
