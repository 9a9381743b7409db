#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Signals end a run at any time: it dies by that signal, without a store, with a recording that
# replays.  What kill -9 leaves, the next start removes.  Two runs do not disturb each other.
. tests/lib/tap.sh

pid=
at_exit '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null'
mkdir "$tmp/store"
TMPDIR=$tmp/store
export TMPDIR

stores() { find "$TMPDIR" -mindepth 1 -maxdepth 1 | wc -l; }
is_running() { grep -q "long *running" "$tmp/out" 2>/dev/null; }
has_frames() { [ -f "$tmp/r.etr" ] && [ "$(wc -c <"$tmp/r.etr")" -gt 5000 ]; }
has_store() { [ "$(stores)" -ge 1 ]; }

cat >"$tmp/long.yaml" <<'YAML'
version: 1
name: long
jobs: 2
targets:
  - {name: long, kind: bench, suite: selftest, cases: cpu-shares, trials: 1000, trial_time: 10s}
  - {name: tree, kind: generate, files: 20}
YAML
cat >"$tmp/short.yaml" <<'YAML'
version: 1
name: short
targets:
  - {name: tree, kind: generate, files: 50}
  - {name: img, kind: image, from: tree, output: "oci:images:v1"}
YAML

# A shell starts background jobs with SIGINT ignored; a person's terminal does not.
begin() { # ARGS...
	rm -f "$tmp/out" "$tmp/r.etr"
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV or die' "$ET_BIN" run "$@" \
		>"$tmp/out" 2>"$tmp/err" &
	pid=$!
}
end() { # waits for $pid; its status in $status
	wait "$pid" 2>/dev/null
	status=$?
	pid=
}

for signal in TERM:143 INT:130 HUP:129; do
	begin "$tmp/long.yaml" -o "$tmp/r.etr"
	poll is_running && poll has_frames
	ok $? "SIG${signal%:*}: it runs and records"
	kill "-${signal%:*}" "$pid"
	end
	is $status "${signal#*:}" "SIG${signal%:*}: dies by it"
	is "$(stores)" 0 "SIG${signal%:*}: leaves no store"
	is "$(cat "$tmp/err")" "" "SIG${signal%:*}: says nothing on stderr"
	"$ET_BIN" replay "$tmp/r.etr" --at 100% --screen 120x40 >"$tmp/frame" 2>&1 &&
		grep -q cancelled "$tmp/frame"
	ok $? "SIG${signal%:*}: the recording replays, to the cancelled end"
done

# nobody reads what it writes: no reason not to end
mkfifo "$tmp/fifo"
# shellcheck disable=SC2094 # both ends of the pipe, so that it never closes
exec 9<>"$tmp/fifo"
dd if=/dev/zero bs=1024 count=1024 oflag=nonblock of="$tmp/fifo" 2>/dev/null
"$ET_BIN" run "$tmp/long.yaml" >&9 2>"$tmp/err" &
pid=$!
poll has_store
kill -TERM "$pid"
end
is $status 143 "a reader that stopped reading does not keep SIGTERM from ending it"
is "$(stores)" 0 "and no store is left"
exec 9>&-

# the whole report does not fit into the pipe either
mkfifo "$tmp/fifo2"
exec 9<>"$tmp/fifo2"
dd if=/dev/zero bs=1024 count=1024 oflag=nonblock of="$tmp/fifo2" 2>/dev/null
"$ET_BIN" run "$tmp/short.yaml" --json="$tmp/doc.json" >&9 2>"$tmp/err" &
pid=$!
poll has_store
kill -TERM "$pid"
end
[ $status -eq 143 ]
ok $? "nor while it waits to print its report"
is "$(stores)" 0 "no store"
exec 9>&-

# ---- kill -9 -----------------------------------------------------------------------------------

begin "$tmp/long.yaml"
poll is_running
kill -KILL "$pid"
end
is "$(stores)" 1 "kill -9 leaves a store"
"$ET_BIN" run "$tmp/short.yaml" >"$tmp/out" 2>"$tmp/err"
is $? 0 "the next run is not disturbed"
is "$(stores)" 0 "and removes it"

# ---- a crash in a worker -------------------------------------------------------------------------

begin "$tmp/long.yaml" -o "$tmp/r.etr"
poll is_running && poll has_frames
tid=$(grep -l '^build-' /proc/"$pid"/task/*/comm | head -n 1 | cut -d/ -f5)
name=$(cat "/proc/$pid/task/$tid/comm")
perl -e 'my ($p, $t) = @ARGV; my $n = `uname -m` =~ /x86_64/ ? 234 : 131;
	syscall($n, $p + 0, $t + 0, 11) == 0 or die' "$pid" "$tid"
end
case $ET_BUILD in
*asan* | *tsan*) [ $status -ne 0 ] ;; # the sanitizer has its own way to end
*) [ $status -eq 139 ] ;;
esac
ok $? "SIGSEGV in a worker: the exit status says so"
grep -q "^engine-top: crashed: SIGSEGV in thread $name (tid $tid)\$" "$tmp/err"
ok $? "in one line with the thread's name"
"$ET_BIN" replay "$tmp/r.etr" --at 100% --screen 80x24 >"$tmp/frame" 2>&1
is $? 0 "what was recorded replays"
"$ET_BIN" run "$tmp/short.yaml" >"$tmp/out" 2>"$tmp/err"
is "$(stores)" 0 "the next run removes the store"

# ---- two at once ---------------------------------------------------------------------------------

begin "$tmp/long.yaml"
poll is_running
"$ET_BIN" run "$tmp/short.yaml" >"$tmp/out2" 2>"$tmp/err2"
is $? 0 "another run beside it ends well"
is "$(stores)" 1 "and leaves the first one's store alone"
kill -TERM "$pid"
end
is "$(stores)" 0 "which goes with its own"
"$ET_BIN" run "$tmp/short.yaml" >"$tmp/out1" 2>&1 &
pid=$!
"$ET_BIN" run "$tmp/short.yaml" >"$tmp/out2" 2>&1
both=$?
end
is "$both $status" "0 0" "two of the same preset at once end well"
is "$(stores)" 0 "nothing is left"

finish
