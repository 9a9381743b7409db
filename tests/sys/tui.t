#!/bin/sh
# The dashboard of the real program on a real terminal (tmux): what it shows, what keys do, and
# how it gives the terminal back, whatever ends it.  Waits are polls with a deadline.
. tests/lib/tap.sh
command -v tmux > /dev/null || skip_all "tmux is not installed"

tm() { tmux -f /dev/null -S "$tmp/socket" "$@" 2> /dev/null; }
at_exit 'tm kill-server'
export LC_ALL=C.UTF-8 TERM=xterm-256color
unset NO_COLOR ENGINE_TOP_THEME TMUX
rec=$tmp/rec.etr
"$ET_BUILD/tool/mkrec" "$rec" 40 || exit 1

explain()
{
	tm capture-pane -p -t t | sed 's/^/# |/'
	sed 's/^/# err: /' "$tmp/err" 2> /dev/null
}

screen() { tm capture-pane -p -t t; }
shows() { screen | grep -q -e "$1"; }
lacks() { ! shows "$1"; }
tell() { tm send-keys -t t "$@"; }
state() { tm display -p -t t "$1"; }
over() { [ -s "$tmp/status" ]; }

# start COLS ROWS [VAR=VALUE...] ARGS...: the program in a terminal, with its modes before and after
start()
{
	cols=$1 rows=$2
	shift 2
	rm -f "$tmp/status" "$tmp/err" "$tmp/pid"
	tm kill-server
	cat > "$tmp/run" <<-END
		cd "$tmp" || exit 1
		stty -a > "$tmp/before"
		sh -c 'echo \$\$ > "$tmp/pid"; exec env "\$@" 2> "$tmp/err"' sh $*
		echo \$? > "$tmp/status.new"
		stty -a > "$tmp/after"
		mv "$tmp/status.new" "$tmp/status"
		exec sleep 1000
	END
	poll tm new-session -d -s t -x "$cols" -y "$rows" "sh '$tmp/run'"
}

# ended STATUS WHAT: it is over with that status and the terminal is as it was
ended()
{
	poll over
	ok $? "$2: it ends"
	[ "$(cat "$tmp/status" 2> /dev/null)" = "$1" ]
	ok $? "$2: exit status $1"
	cmp -s "$tmp/before" "$tmp/after"
	ok $? "$2: terminal modes are as before"
	[ "$(state '#{alternate_on}#{cursor_flag}')" = 01 ]
	ok $? "$2: alternate screen left, cursor visible"
}

# ---- a recording: every pane, keys, sizes ------------------------------------------------------

start 120 40 "$ET_BIN" replay "$rec"
poll shows 'REPLAY stopped frame 1 of 40'
ok $? "a recording opens on its first frame"
tell '>'
poll shows 'frame 40 of 40'
ok $? "> goes to the last one"
for text in '1 Builds .* 4 ok' 'longest_match' 'allocator (exact)' 'count  state' 'malloc *413ns'; do
	shows "$text"
	ok $? "the screen shows: $text"
done
tell '['
poll shows 'frame 39 of 40'
ok $? "[ steps back"
tell '{'
poll shows 'frame 29 of 40'
ok $? "{ ten frames"
tell '<' ' '
poll shows 'playing'
ok $? "space plays"
poll shows 'frame [3-9] of 40'
ok $? "and frames go by"
tell ' '
poll shows 'stopped'
ok $? "space stops"

tell 3
poll shows '━ 3 Heap'
ok $? "3 gives the heap the focus"
tell z
poll lacks '1 Builds'
ok $? "z shows it alone"
tell v
poll lacks 'call site'
ok $? "v: allocators only"
tell Escape
poll shows '1 Builds'
ok $? "Esc shows all"
tell '?'
poll shows '┌─ Help'
ok $? "? shows the help"
tell Escape
poll lacks '┌─ Help'
ok $? "Esc closes it"
tell Tab Down Down Enter
poll shows 'start_thread *pthread_create.c'
ok $? "Enter on a thread group unfolds its stack"

tm resize-window -t t -x 40 -y 12
poll lacks '3 Heap'
ok $? "at 40x12 one pane is left"
is_narrow() { [ "$(screen | wc -L)" -le 40 ] && shows '━ 4 Threads'; }
poll is_narrow
ok $? "and it is the focused one"
tm resize-window -t t -x 1 -y 1
tm resize-window -t t -x 20 -y 5
tm resize-window -t t -x 3 -y 50
tm resize-window -t t -x 120 -y 40
poll shows '3 Heap'
ok $? "through 1x1, 20x5 and 3x50 back to 120x40"
tell q
ended 0 "q"
[ ! -s "$tmp/err" ]
ok $? "q: nothing on standard error"

# tmux gives rows of an alternate screen that grew to the main one
start 80 24 "$ET_BIN" replay "$rec"
poll shows '5 Pool'
tm resize-window -t t -x 100 -y 30
poll shows 'Zoom  Enter Unfold  v View'
tell q
poll over
lacks '[a-z]'
ok $? "q after the screen grew: nothing of it is left behind"

# ---- themes and colours ------------------------------------------------------------------------

colored() { tm capture-pane -pe -t t | grep -c '[[;][34]8;5;'; }
is_colored() { [ "$(colored)" -gt 10 ]; }
start 80 24 "$ET_BIN" replay "$rec"
poll shows '5 Pool'
is_colored
ok $? "dusk has colours"
tell T
poll shows 'theme mono'
ok $? "T: the next theme, by name"
poll lacks 'theme mono'
ok $? "which is said for a while, then errors have the line again"
[ "$(colored)" = 0 ]
ok $? "mono has none"
tell T
poll shows 'theme paper'
poll is_colored
ok $? "paper has"
tell C-c
ended 0 "^C"

start 80 24 NO_COLOR=1 "$ET_BIN" replay "$rec"
poll shows '5 Pool'
[ "$(colored)" = 0 ]
ok $? "NO_COLOR: no colour"
tell Q
ended 0 "Q with NO_COLOR"

start 80 24 LC_ALL=C "$ET_BIN" replay "$rec"
poll shows '= 1 Builds ='
ok $? "LC_ALL=C: rules in ASCII"
[ "$(screen | LC_ALL=C grep -c '[^ -~]')" = 0 ]
ok $? "and nothing but ASCII"
tell q
ended 0 "q in the C locale"

# ---- other terminals: what they are sent --------------------------------------------------------

for term in vt100 linux xterm xterm-256color screen; do
	start 80 24 TERM="$term" "$ET_BIN" replay "$rec"
	poll shows '5 Pool'
	tm pipe-pane -t t "cat > '$tmp/raw'"
	tell C-l
	poll grep -qs 'Pool' "$tmp/raw"
	tell '>'
	poll shows 'frame 40 of 40\|40/40'
	ok $? "TERM=$term: draws"
	sync=$(grep -c "$(printf '\033')\[?2026h" "$tmp/raw")
	case $term in
	vt100 | linux) [ "$sync" = 0 ] ;;
	*) [ "$sync" -gt 0 ] ;;
	esac
	ok $? "TERM=$term: synchronized updates only where they are known"
	tell q
	ended 0 "TERM=$term"
done

# ---- what ends it ------------------------------------------------------------------------------

for signal in TERM:143 HUP:129 INT:130 QUIT:131; do
	start 80 24 "$ET_BIN" replay "$rec"
	poll shows '5 Pool'
	kill -"${signal%:*}" "$(cat "$tmp/pid")"
	ended "${signal#*:}" "SIG${signal%:*}"
done

# a sanitizer's own handler comes after ours and chooses the exit status
start 80 24 "$ET_BIN" replay "$rec"
poll shows '5 Pool'
kill -SEGV "$(cat "$tmp/pid")"
poll over
case $ET_BUILD in *asan*|*tsan*) crashed=$(cat "$tmp/status") ;; *) crashed=139 ;; esac
ended "$crashed" "SIGSEGV"
grep -q '^engine-top: crashed: SIGSEGV in thread [^ ]* (tid [0-9]*); the terminal was restored$' \
	"$tmp/err"
ok $? "SIGSEGV: one line says so"

start 80 24 "$ET_BIN" replay "$rec"
poll shows '5 Pool'
pid=$(cat "$tmp/pid")
tm kill-server
is_gone() { ! kill -0 "$pid" 2> /dev/null || grep -q '^State:.Z' "/proc/$pid/status"; }
poll is_gone
ok $? "the terminal is closed: it ends"

# a terminal that does not read: frames are left out, and signals are still heard
TERM=xterm-256color "$ET_BUILD/tool/ptystall" 300 "$ET_BIN" 2> "$tmp/err"
ok $? "a stalled terminal: SIGTERM ends it"

# ---- suspend and resume, from an interactive shell ---------------------------------------------

tm kill-server
poll tm new-session -d -s t -x 80 -y 24 'exec sh -i'
poll shows '^[#$]'
tell "stty -a > '$tmp/before'; '$ET_BIN' replay '$rec'; echo end:\$?" Enter
poll shows '5 Pool'
tell C-z
poll shows 'Stopped'
ok $? "^Z: the shell has the terminal"
[ "$(state '#{alternate_on}#{cursor_flag}')" = 01 ]
ok $? "^Z: alternate screen left, cursor visible"
tell "clear; stty -a | cmp - '$tmp/before' && echo s""ame" Enter
poll shows '^same'
ok $? "^Z: terminal modes are as before"
tell fg Enter
poll shows '5 Pool'
ok $? "fg: the screen is back"
tell q
poll lacks '5 Pool'
ok $? "q after fg"

# ---- not a terminal ----------------------------------------------------------------------------

refused()
{
	[ "$status" = 2 ] && one_line "$tmp/err" && grep -q -- "$1" "$tmp/err" &&
		grep -q "use 'engine-top .*' instead" "$tmp/err" && [ ! -s "$tmp/out" ]
	ok $? "refused in one line that says what to do instead: $1"
}
"$ET_BIN" replay "$rec" < /dev/null > "$tmp/out" 2> "$tmp/err"
status=$?
refused 'needs a terminal on standard input'
for term in dumb no-such-terminal ''; do
	start 80 24 TERM="$term" "$ET_BIN" replay "$rec"
	poll over
	status=$(cat "$tmp/status")
	: > "$tmp/out"
	refused 'TERM'
done

# ---- live: the default preset ------------------------------------------------------------------

start 120 40 "$ET_BIN"
nonzero() { shows '● LIVE' && shows 'samples [1-9]' && shows '^. checkout ' && shows 'RSS [1-9]'; }
poll nonzero
ok $? "live: builds and samples are there"
poll shows '[1-9][0-9]*\.[0-9]%  *±'
ok $? "live: functions with their share"
poll shows 'pool  *[1-9][0-9.]*[nu]s'
ok $? "live: a pool's time an operation"
tell ' '
poll shows 'PAUSED .* behind, [1-9]'
ok $? "space: paused, and it says how far behind"
tell ' '
poll shows '● LIVE'
ok $? "space: live again"
tell r
poll shows 'REC engine-top-[0-9-]*.etr [1-9]'
ok $? "r records, and the header says so"
tell r
poll shows 'recorded [0-9]* frames to engine-top-'
ok $? "r again: recorded"
lacks 'REC engine'
ok $? "and the header says it no more"
first=$(ls "$tmp"/engine-top-*.etr)
tell r r r r r r
all_there() { [ "$(ls "$tmp"/engine-top-*.etr | wc -l)" = 4 ]; }
poll all_there
ok $? "three more within a moment: each has a name of its own"
tell q
ended 0 "live q"
"$ET_BIN" replay "$first" --screen 80x24 > "$tmp/frame" 2> "$tmp/err"
grep -q 'REPLAY' "$tmp/frame"
ok $? "what was recorded replays"

# a crash in a thread of the profiler (tgkill has a number of its own on each machine)
if [ "$(uname -m)" = x86_64 ]; then
	start 120 40 "$ET_BIN"
	poll shows 'samples [1-9]'
	pid=$(cat "$tmp/pid")
	tid=$(grep -lx 'et-collect' "/proc/$pid"/task/*/comm | head -n 1 | sed 's,/comm,,; s,.*/,,')
	perl -e 'syscall(234, $ARGV[0] + 0, $ARGV[1] + 0, 11)' "$pid" "$tid" # tgkill
	poll over
	case $ET_BUILD in *asan*|*tsan*) crashed=$(cat "$tmp/status") ;; esac
	ended "$crashed" "SIGSEGV in another thread"
	grep -q "^engine-top: crashed: SIGSEGV in thread et-collect (tid $tid); the terminal" "$tmp/err"
	ok $? "SIGSEGV in another thread: it is named"
fi

finish
