#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Does the profiler tell the truth?  Functions that burn 60, 30 and 10 % of the CPU and call sites
# that hold exactly known bytes, as `run --json` reports them: CPU within 5 points at 1,000 samples
# and more, heap exact with --heap-period 1.
. tests/lib/tap.sh

jget=$ET_BUILD/tool/jget
TMPDIR=$tmp
export TMPDIR

# ITIMER_PROF delivers at most one signal a tick: 5 s are 1,250 samples even at CONFIG_HZ=250
cat >"$tmp/selftest.yaml" <<'YAML'
version: 1
name: selftest
jobs: 1
sample: {hz: 250, heap_bytes: 64K}
targets:
  - {name: heap, kind: bench, suite: selftest, cases: heap-sites}
  - name: cpu
    kind: bench
    suite: selftest
    cases: cpu-shares
    trials: 50
    trial_time: 100ms
    needs: [heap]
YAML

"$ET_BIN" run "$tmp/selftest.yaml" --json --heap-period 1 >"$tmp/doc" 2>"$tmp/err"
is $? 0 "runs"
is "$(cat "$tmp/err")" "" "without a word on stderr"

samples=$("$jget" "$tmp/doc" cpu samples)
[ "$samples" -ge 1000 ]
ok $? "$samples samples"
for share in 60 30 10; do
	flat=$("$jget" "$tmp/doc" cpu functions "name=et_selftest_burn$share" flat)
	cum=$("$jget" "$tmp/doc" cpu functions "name=et_selftest_burn$share" cum)
	awk -v got="$cum" -v all="$samples" -v want=$share \
		'BEGIN { pct = 100 * got / all; exit !(pct > want - 5 && pct < want + 5) }'
	ok $? "et_selftest_burn$share: $cum of $samples samples (flat $flat)"
	awk -v flat="$flat" -v cum="$cum" 'BEGIN { exit !(flat > 0.9 * cum) }'
	ok $? "nearly all in the function itself"
done

# NAME FIELD: the sum over all sites whose leaf is NAME
site() { # NAME FIELD
	i=0 sum=0
	while leaf=$("$jget" "$tmp/doc" heap by_site $i stack 0 name 2>/dev/null); do
		if [ "$leaf" = "$1" ]; then
			sum=$((sum + $("$jget" "$tmp/doc" heap by_site $i "$2")))
		fi
		i=$((i + 1))
	done
	echo $sum
}
if [ "$("$jget" "$tmp/doc" heap by_allocator allocator=glibc inuse_bytes)" = null ]; then
	skip "heap" "malloc is not interposed in this build"
else
	is "$("$jget" "$tmp/doc" heap period)" 1 "every allocation is recorded"
	for want in small:64000:1000 medium:409600:100 large:3145728:3; do
		name=et_selftest_hold_${want%%:*}
		bytes=${want#*:}
		is "$(site "$name" inuse_bytes)" "${bytes%:*}" "$name holds ${bytes%:*} bytes"
		is "$(site "$name" inuse_objects)" "${want##*:}" "in ${want##*:} objects"
		is "$(site "$name" alloc_bytes)" "${bytes%:*}" "and allocated no more"
	done
	is "$(site et_selftest_churn inuse_bytes)" 0 "et_selftest_churn holds nothing"
	is "$(site et_selftest_churn alloc_bytes)" 2560000 "and allocated 2,560,000 bytes"
	is "$(site et_selftest_churn alloc_objects)" 10000 "in 10,000 objects"
fi

finish
