#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# engine-top run: lines, report, JSON, exit status; failing targets; bad usage; an output that
# cannot be written.
. tests/lib/tap.sh

at_exit 'umount "$tmp/disk" 2>/dev/null'
mkdir "$tmp/store" "$tmp/work" "$tmp/work/whiteout"
TMPDIR=$tmp/store
export TMPDIR
jget=$ET_BUILD/tool/jget
run() { # ARGS...: into $tmp/out, $tmp/err, $status
	"$ET_BIN" run "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}
no_store() { [ -z "$(find "$TMPDIR" -mindepth 1 -maxdepth 1)" ]; }

cat >"$tmp/work/good.yaml" <<'YAML'
version: 1
name: good
targets:
  - {name: tree, kind: generate, files: 30, size: 300}
  - {name: img, kind: image, from: tree, output: "oci:images:v1"}
  - name: bench
    kind: bench
    suite: pool
    cases: [string, tar]
    trials: 6
    trial_time: 2ms
    live: 2
YAML
: >"$tmp/work/whiteout/.wh.x"
cat >"$tmp/work/bad.yaml" <<'YAML'
version: 1
name: bad
targets:
  - {name: broken, kind: image, context: whiteout, output: "oci:images:broken"}
  - {name: after, kind: generate, files: 5, needs: [broken]}
  - {name: tree, kind: generate, files: 5}
YAML
good=$tmp/work/good.yaml
bad=$tmp/work/bad.yaml

# ---- a good round ------------------------------------------------------------------------------

run "$good"
is $status 0 "a good round exits 0"
is "$(cat "$tmp/err")" "" "says nothing on stderr"
for target in tree img bench; do
	grep -Eq "^ +[0-9]+\.[0-9]{3} s  $target +running" "$tmp/out" &&
		grep -Eq "^ +[0-9]+\.[0-9]{3} s  $target +ok " "$tmp/out"
	ok $? "$target: a line when it begins and one when it ends"
done
grep -q "3 of 3 targets ok" "$tmp/out"
ok $? "the closing report follows"
no_store
ok $? "the private store is gone"

run "$good" --json
is $status 0 "--json exits 0"
is "$("$jget" "$tmp/out" schema)" "engine-top/run/1" "stdout is one JSON document"
is "$(cat "$tmp/err")" "" "and stderr is empty"
is "$("$jget" "$tmp/out" builds '#')" 3 "three builds"
is "$("$jget" "$tmp/out" builds name=img state)" ok "img is ok"
case $("$jget" "$tmp/out" builds name=img digest) in
sha256:????????????????????????????????????????????????????????????????) ok 0 "with its digest" ;;
*) ok 1 "with its digest" ;;
esac
is "$("$jget" "$tmp/out" builds name=tree work_done)" 30 "30 files were made"
gets=$("$jget" "$tmp/out" pools name=tar gets)
is "$("$jget" "$tmp/out" pools name=tar puts)" "$gets" "what was got from a pool was put back"
is "$("$jget" "$tmp/out" pools name=tar misses)" 2 "two buffers live: two misses"
digest=$("$jget" "$tmp/out" builds name=img digest)

run "$good" --json -v -t img
is "$("$jget" "$tmp/out" builds '#')" 2 "-t: a target and what it needs"
is "$("$jget" "$tmp/out" builds name=img digest)" "$digest" "the same tree has the same digest"
grep -q "img *ok" "$tmp/err"
ok $? "-v: lines on stderr"

echo old >"$tmp/doc.json"
run "$good" --json="$tmp/doc.json" -t tree
is $status 0 "--json=FILE exits 0"
grep -q "1 of 1 targets ok" "$tmp/out"
ok $? "the report on stdout"
is "$("$jget" "$tmp/doc.json" builds 0 state)" ok "the document in the file"

run "$good" -t tree -t bench --json -j 1
is "$("$jget" "$tmp/out" builds '#')" 2 "-t may be repeated"

# ---- failures ----------------------------------------------------------------------------------

run "$bad"
is $status 1 "a failing target exits 1"
grep -q "tree *ok" "$tmp/out"
ok $? "others go on"
grep -q "broken *failed .*\.wh\.x" "$tmp/out"
ok $? "its line says why"
grep -q "after *skipped .*broken" "$tmp/out"
ok $? "what needs it is skipped, and says so"
sed -n '/^engine-top/,$p' "$tmp/out" | grep -q "\.wh\.x"
ok $? "the report says why"
run "$bad" --json
is $status 1 "--json: the same status"
is "$("$jget" "$tmp/out" builds name=broken state)" failed "failed"
"$jget" "$tmp/out" builds name=broken error | grep -q "\.wh\.x"
ok $? "with its error"
is "$("$jget" "$tmp/out" builds name=after state)" skipped "skipped"
no_store
ok $? "nothing is left"

# a context that goes away while another target runs
mkdir "$tmp/work/gone"
cat >"$tmp/work/gone.yaml" <<'YAML'
version: 1
jobs: 1
targets:
  - {name: first, kind: bench, suite: pool, cases: tar, trials: 10, trial_time: 50ms}
  - {name: img, kind: image, context: gone, output: "oci:images:gone", needs: [first]}
YAML
"$ET_BIN" run "$tmp/work/gone.yaml" >"$tmp/out" 2>"$tmp/err" &
pid=$!
poll grep -q "first *running" "$tmp/out"
rmdir "$tmp/work/gone"
wait $pid
is $? 1 "a context that vanishes fails its target"
grep -q "img *failed .*gone" "$tmp/out"
ok $? "and is named"

# ---- few descriptors ------------------------------------------------------------------------------

# the profiler must not take what the build needs (sanitizers need some themselves)
(
	ulimit -n 64
	"$ET_BIN" run quickstart -t checkout >"$tmp/out" 2>"$tmp/err"
)
is $? 0 "64 descriptors are enough"
grep -q '^CPU: .* (perf)' "$tmp/out"
is $? 1 "and the engine that needs two for each thread is not chosen"

# ---- usage -------------------------------------------------------------------------------------

bad_usage() { # PATTERN ARGS...
	pattern=$1
	shift
	run "$@"
	[ $status -eq 2 ] && one_line "$tmp/err" && [ ! -s "$tmp/out" ] && grep -q -- "$pattern" "$tmp/err"
	ok $? "bad usage: $* ($(head -c 200 "$tmp/err" | tr '\n' ' '))"
}
bad_usage "which preset"
bad_usage "one preset" "$good" "$bad"
bad_usage "did you mean '--plain'" --plian "$good"
bad_usage "heap-period wants bytes" "$good" "--heap-period= 5"
bad_usage "--json=" "$good" --json=
bad_usage "standard output" "$good" --plain --json
bad_usage "--jobs" "$good" -j 0
bad_usage "--hz" "$good" --hz 1001
bad_usage "--heap-period" "$good" --heap-period 0
bad_usage "needs a value" "$good" -t
bad_usage "did you mean 'img'" "$good" -t imgg
bad_usage "nowhere.yaml" "$tmp/nowhere.yaml"
bad_usage "quickstart" quikstart
mkdir "$tmp/work/gone2" && sed 's/: gone,/: gone3,/' "$tmp/work/gone.yaml" >"$tmp/work/missing.yaml"
bad_usage "gone3" "$tmp/work/missing.yaml"
: >"$tmp/rec.etr"
bad_usage "rec.etr" "$good" -t tree -o "$tmp/rec.etr"
no_store
ok $? "bad usage leaves nothing behind"

# ---- outputs that fail -------------------------------------------------------------------------

cannot_write() { # NAME REASON, after a run
	[ $status -eq 1 ] && one_line "$tmp/err" && grep -q "standard output.*$2" "$tmp/err"
	ok $? "$1: one line, exit 1"
	[ -s "$tmp/err" ] && sed "s/^/# exit $status: /" "$tmp/err"
}
"$ET_BIN" run "$good" -t tree >/dev/full 2>"$tmp/err"
status=$?
cannot_write "a full disk behind stdout" "No space left"
"$ET_BIN" run "$good" -t tree --json >/dev/full 2>"$tmp/err"
status=$?
cannot_write "the same with --json" "No space left"
"$ET_BIN" run "$good" -t tree >&- 2>"$tmp/err"
status=$?
cannot_write "a closed stdout" "Bad file descriptor"
"$ET_BIN" run "$bad" >"$tmp/out" 2>&-
status=$?
[ $status -eq 1 ] && grep -q "broken *failed" "$tmp/out"
ok $? "a closed stderr changes nothing"
{
	"$ET_BIN" run "$good" --json 2>"$tmp/err"
	echo $? >"$tmp/status"
} | :
status=$(cat "$tmp/status")
cannot_write "a reader that went away" "Broken pipe"
run "$good" -t tree --json="$tmp/nowhere/doc.json"
[ $status -eq 2 ] && one_line "$tmp/err" && grep -q "nowhere/doc.json" "$tmp/err" && [ ! -s "$tmp/out" ]
ok $? "a JSON file that cannot be made: one line, exit 2, before any work"
run "$good" -t tree --json=/dev/full
[ $status -eq 1 ] && one_line "$tmp/err"
ok $? "a JSON file on a full disk: one line, exit 1"
grep -q "1 of 1 targets ok" "$tmp/out"
ok $? "the report was printed all the same"

cat >"$tmp/work/large.yaml" <<'YAML'
version: 1
jobs: 1
targets:
  - {name: large, kind: generate, files: 1000, size: 4K}
  - {name: small, kind: generate, files: 5, size: 100}
YAML
mkdir "$tmp/disk"
if mount -t tmpfs -o size=4k none "$tmp/disk" 2>/dev/null; then
	sed 's/trial_time: 2ms/trial_time: 100ms/' "$good" >"$tmp/work/longer.yaml" # some frames
	run "$tmp/work/longer.yaml" -o "$tmp/disk/r.etr"
	[ $status -eq 1 ] && one_line "$tmp/err" && grep -q "r.etr.*No space left" "$tmp/err"
	ok $? "a recording on a full disk: one line, exit 1"
	grep -q "3 of 3 targets ok" "$tmp/out"
	ok $? "the run went on"
	rm -f "$tmp/disk/r.etr"
	mount -o remount,size=2m none "$tmp/disk" # ThreadSanitizer takes 512K of it
	TMPDIR=$tmp/disk run "$tmp/work/large.yaml"
	[ $status -eq 1 ] && grep -q "large *failed .*No space left" "$tmp/out" &&
		grep -q "small *ok" "$tmp/out"
	ok $? "a full store fails the target that filled it, and no other"
	[ -z "$(ls -A "$tmp/disk")" ]
	ok $? "and is empty again afterwards"
else
	skip "a recording on a full disk" "this container may not mount"
fi

finish
