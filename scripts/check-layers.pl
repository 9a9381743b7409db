#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# check-layers.pl BUILD_DIR   (from the top of the tree, after `make all`)
#
# Proves who knows whom, from what the compiler wrote: the dependency files (*.d) say which header
# each object really read, the object files' symbols say whose functions it really calls.
#
#   room     a folder of src/ (for a few files, the file itself: %ROOM_OF_FILE)
#   edge     object -> header, or object -> object through one symbol
#   allowed  the owner's room stands in %SEES of the user's room; or the symbol is declared in a
#            header of include/engine-top/ that the user may include: that is what include/ is for
#
# Also: no dependency cycle of objects, at most one mutable external variable
# (and one thread-local one), no external name without et_, curses in one file only, and what a
# signal handler can reach (followed through the machine code) calls nothing outside an allow-list.
use strict;
use warnings;
use feature 'state';

# Who may include whom.  `include` is all of include/engine-top/, `include/x.h` one file of it.
my @TUI_HEADERS = map { "include/$_.h" } qw(snapshot metric source err);
my @ENGINE = ('engine',
	map { "engine/$_" } qw(workers preset image alloc pool work experiment build));
my @PROFILER = map { "profiler/$_" } qw(agent snapshot collect record export);
my %SEES = (
	include              => [qw(include)],
	base                 => [qw(base include/err.h)],
	'profiler/agent'     => [qw(base include)],
	'profiler/snapshot'  => [qw(base include)],
	'profiler/collect'   => [qw(base include profiler/agent profiler/snapshot)],
	'profiler/record'    => [qw(base include profiler/snapshot)],
	'profiler/export'    => [qw(base include profiler/snapshot)],
	engine               => [qw(base include)], # headers that all of it shares
	'engine/workers'     => [qw(base include engine)],
	'engine/preset'      => [qw(base include/err.h)],
	'engine/alloc'       => [qw(base include engine)],
	'engine/pool'        => [qw(base include engine engine/alloc)],
	'engine/image'       => [qw(base include engine engine/workers)],
	'engine/work'        => [qw(base include engine engine/alloc engine/pool)],
	'engine/experiment'  => [qw(base include engine engine/alloc engine/pool engine/work)],
	'engine/build'       => [qw(base include), @ENGINE],
	tui                  => ['base', @TUI_HEADERS, 'tui/pane'],
	'tui/pane'           => ['base', @TUI_HEADERS, 'tui'],
	cli                  => [qw(base include tui), @ENGINE, @PROFILER],
);

# Files that are a room of their own, because two rooms stand on them.
my %ROOM_OF_FILE = (
	'src/engine/build/workers.h' => 'engine/workers',
	'src/engine/build/workers.c' => 'engine/workers',
);

my $CURSES_FILE = 'src/tui/term.c';
my $INTERPOSER_ROOM = 'profiler/agent'; # may define names of the C library: malloc, mmap, ...

# What may be called from a signal handler.  From the SIGPROF handler next to nothing: it runs at
# any instruction of any thread.  backtrace() is safe after its first call, which loads libgcc.
# From other handlers (a crash, a resize) what signal-safety(7) lists, as far as we need it, and
# prctl, which is a bare system call.
my @PROF_MAY_CALL = qw(
	backtrace clock_gettime __errno_location syscall __stack_chk_fail _GLOBAL_OFFSET_TABLE_
	memcpy memset
);
my @HANDLER_MAY_CALL = (@PROF_MAY_CALL, qw(
	_exit abort close dup2 fsync getpid gettid kill memchr memmove open poll prctl
	pthread_kill pthread_sigmask raise read sigaction sigaddset sigdelset sigemptyset sigfillset signal
	sigprocmask strlen tcgetattr tcsetattr write backtrace_symbols_fd
	__memcpy_chk __memset_chk __memmove_chk
));

my $build = shift // die "usage: check-layers.pl BUILD_DIR\n";
my @bad;
my (%object_of, %reads, %undefined, %defined_by, %is_data, %declared_in, @globals, @tls);

sub fail { push @bad, join '', @_ }

sub room_of {
	my ($file) = @_;
	return $ROOM_OF_FILE{$file} if $ROOM_OF_FILE{$file};
	return 'include' if $file =~ m{^include/};
	return $file =~ m{^src/(.+)/[^/]+$} ? $1 : 'src';
}

# May `room` include `file` (a header), or call what is defined in it (a source)?
sub may_see {
	my ($room, $file) = @_;
	my $other = room_of($file);
	return 1 if $other eq $room;
	for my $seen (@{ $SEES{$room} // [] }) {
		return 1 if $seen eq $other;
		return 1 if $seen =~ m{^include/} and $file eq "include/engine-top/" . substr $seen, 8;
	}
	return 0;
}

sub slurp {
	my ($path) = @_;
	open my $f, '<', $path or die "check-layers.pl: cannot read $path: $!\n";
	local $/;
	return scalar <$f>;
}

sub find { # DIR, pattern
	my ($dir, $pattern) = @_;
	my @found;
	for my $path (glob "\Q$dir\E/*") {
		push @found, find($path, $pattern) if -d $path and !-l $path;
		push @found, $path if -f _ and $path =~ $pattern;
	}
	return @found;
}

sub read_includes { # of one object, from its dependency file
	my ($source, $depfile) = @_;
	my $text = slurp($depfile);
	$text =~ s/\\\n/ /g;
	my ($rule) = $text =~ /^(.*?\.o:.*)$/m or die "check-layers.pl: no rule in $depfile\n";
	$rule =~ s/^.*?\.o:\s*//;
	$reads{$source} = [grep { m{^(?:src|include)/} and $_ ne $source } split ' ', $rule];
}

sub is_runtime_name { $_[0] =~ /^(?:__(?:asan|ubsan|tsan|odr_asan|sanitizer)|\.LASAN)/ }

sub read_symbols { # of all objects, one call of nm
	my %source_of = reverse %object_of;
	open my $nm, '-|', 'nm', '-A', '-f', 'sysv', sort values %object_of or die "nm: $!\n";
	while (<$nm>) {
		my ($object, $rest) = /^(.+?\.o):(.*\|.*)$/ or next;
		my ($name, undef, $class, $type, undef, undef, $section) =
			map { s/^\s+|\s+$//gr } split /\|/, $rest;
		next if is_runtime_name($name);
		my $source = $source_of{$object};
		if ($section eq '*UND*') {
			$undefined{$source}{$name} = 1;
			next;
		}
		next unless $class =~ /^[A-Zu]$/;
		note_definition($source, $name, $section);
		$is_data{$name} = 1 if $type ne 'FUNC';
	}
	close $nm or die "check-layers.pl: nm failed\n";
}

sub note_definition {
	my ($source, $name, $section) = @_;
	$defined_by{$name} = $source;
	if ($name !~ /^et_/ and $name ne 'main' and room_of($source) ne $INTERPOSER_ROOM) {
		fail("$source defines external '$name': external names begin with et_");
	}
	if ($section =~ /^\.t(?:bss|data)/) { push @tls, "$name ($source)" }
	elsif ($section =~ /^(?:\.data|\.bss|\*COM\*)/ and $section !~ /^\.data\.rel\.ro/) {
		push @globals, "$name ($source)";
	}
}

sub read_declarations { # et_ names that include/ promises, by header
	for my $header (glob 'include/engine-top/*.h') {
		my $text = slurp($header);
		$text =~ s{/\*.*?\*/}{}gs;
		$declared_in{$1}{$header} = 1 while $text =~ /\b(et_\w+)\s*[\(\[;]/g;
	}
}

sub check_includes {
	my $n = 0;
	for my $source (sort keys %reads) {
		my $room = room_of($source);
		for my $header (@{ $reads{$source} }) {
			$n++;
			next if may_see($room, $header);
			my $what = $header =~ m{^include/} ? $header : room_of($header);
			fail("$source includes $header: $room must not see $what");
		}
	}
	return $n;
}

sub check_symbols { # returns the graph of objects
	my %calls;
	for my $user (sort keys %undefined) {
		my $room = room_of($user);
		for my $name (sort keys %{ $undefined{$user} }) {
			my $owner = $defined_by{$name};
			next unless $owner and $name =~ /^et_/ and $owner ne $user;
			$calls{$user}{$owner} = $name;
			next if may_see($room, $owner);
			next if grep { may_see($room, $_) } keys %{ $declared_in{$name} // {} };
			fail("$object_of{$user} uses $name of $object_of{$owner}: ",
				"$room must not see ", room_of($owner));
		}
	}
	return \%calls;
}

# Tarjan: the groups of objects that reach each other.
sub cycles {
	my ($graph) = @_;
	my ($counter, @stack, %index, %low, %on_stack, @found) = (0);
	my $visit;
	$visit = sub {
		my ($v) = @_;
		$index{$v} = $low{$v} = ++$counter;
		push @stack, $v;
		$on_stack{$v} = 1;
		for my $w (sort keys %{ $graph->{$v} // {} }) {
			$visit->($w) unless $index{$w};
			$low{$v} = $low{$w} if $on_stack{$w} and $low{$w} < $low{$v};
		}
		return if $low{$v} != $index{$v};
		my @group;
		do { push @group, pop @stack; $on_stack{ $group[-1] } = 0 } until $group[-1] eq $v;
		push @found, [sort @group] if @group > 1;
	};
	$index{$_} or $visit->($_) for sort keys %$graph;
	return @found;
}

sub check_cycles { # returns the size of the largest
	my ($graph) = @_;
	my $largest = 1;
	for my $group (cycles($graph)) {
		$largest = @$group if @$group > $largest;
		my %rooms = map { room_of($_) => 1 } @$group;
		fail(keys %rooms > 1 ? 'cycle between rooms' : "cycle inside @{[keys %rooms]}",
			": @$group");
	}
	return $largest;
}

# The functions of an object, from its machine code: name => {calls => {names}, blind => calls
# through a pointer}.  A relocation names the target of the instruction above it; without one the
# target is local and the disassembler names it.
sub functions_of {
	my ($object) = @_;
	my (%found, $now, $target);
	my $settle = sub {
		if (!defined $target) { return }
		elsif ($target eq '*') { $now->{blind}++ }
		else { $now->{calls}{ $target =~ s/\.cold$//r } = 1 }
		undef $target;
	};
	open my $dump, '-|', 'objdump', '-dr', '--no-show-raw-insn', $object or die "objdump: $!\n";
	while (<$dump>) {
		if (/^\s+[0-9a-f]+: R_\S+\s+([^\s+-]+)/) {
			$target = $1 =~ /^\./ ? undef : $1;
			next;
		}
		$settle->();
		if (/^[0-9a-f]+ <(.+?)(?:\.cold)?>:$/) { $now = $found{$1} //= { calls => {}, blind => 0 } }
		elsif (/\bcall\w*\s+\*|\bblr\b/) { $target = '*' }
		elsif (/^\s.*<([^>+]+)(?:\+0x[0-9a-f]+)?>/) { $target = $1 }
	}
	close $dump or die "check-layers.pl: objdump failed on $object\n";
	return \%found;
}

# Everything that `handler` of `source` can reach, in all our objects.
sub check_handler {
	my ($source, $handler, %may_call) = @_;
	state %code;
	my %seen;
	my @todo = ([$source, $handler]);
	while (my $next = shift @todo) {
		my ($in, $name) = @$next;
		next if $seen{"$in $name"}++;
		my $function = ($code{$in} //= functions_of($object_of{$in}))->{$name};
		if (!$function) {
			fail("$in: signal handler '$name' is no function of this file");
			next;
		}
		fail("$in: $name() calls through a pointer in signal context (", $handler, ")")
			if $function->{blind};
		for my $callee (sort keys %{ $function->{calls} }) {
			next if is_runtime_name($callee) or $is_data{$callee} or $may_call{$callee};
			if ($code{$in}{$callee}) { push @todo, [$in, $callee] }
			elsif ($defined_by{$callee}) { push @todo, [$defined_by{$callee}, $callee] }
			elsif (!$undefined{$in}{$callee}) { next } # data of this object
			else {
				fail("$in: $name() calls $callee in signal context ($handler): ",
					"not in the allow-list");
			}
		}
	}
}

sub check_signal_context { # returns the handlers
	my @handlers;
	for my $source (sort keys %object_of) {
		my $text = slurp($source) =~ s{/\*.*?\*/}{}gsr;
		my %names = map { $_ => 1 } grep { !/^SIG_/ } (
			$text =~ /\bsa_(?:handler|sigaction)\s*=\s*(\w+)/g,
			$text =~ /\bsignal\s*\(\s*\w+\s*,\s*(\w+)\s*\)/g);
		for my $name (sort keys %names) {
			my $is_prof = room_of($source) eq 'profiler/agent';
			check_handler($source, $name,
				map { $_ => 1 } $is_prof ? @PROF_MAY_CALL : @HANDLER_MAY_CALL);
			push @handlers, "$name ($source)";
		}
	}
	return @handlers;
}

sub check_curses {
	for my $file (find('src', qr/\.[ch]$/), glob 'include/engine-top/*.h') {
		next if $file eq $CURSES_FILE;
		fail("$file includes $1: only $CURSES_FILE may")
			if slurp($file) =~ /^\s*#\s*include\s*[<"]([^>"]*curses[^>"]*|term\.h)[>"]/m;
	}
}

sub check_globals {
	fail(scalar @globals, " mutable external variables, 1 allowed: @globals") if @globals > 1;
	fail(scalar @tls, " external thread-local variables, 1 allowed: @tls") if @tls > 1;
}

for my $source (find('src', qr/\.c$/)) {
	my $object = "$build/" . $source =~ s/\.c$/.o/r;
	if (!-f $object) { fail("$source is not built: no $object"); next }
	$object_of{$source} = $object;
	fail("$source stands in no room of the house: say in %SEES what it may know")
		unless $SEES{ room_of($source) };
	read_includes($source, $object =~ s/\.o$/.d/r);
}
die "check-layers.pl: no objects in $build\n" unless %object_of;
read_declarations();
read_symbols();
my $n_includes = check_includes();
my $calls = check_symbols();
my $largest = check_cycles($calls);
my @handlers = check_signal_context();
check_curses();
check_globals();

my $n_calls = 0;
$n_calls += keys %$_ for values %$calls;
print "$_\n" for @bad;
printf "layers: %d objects, %d includes, %d object edges; largest cycle %d object%s; "
	. "mutable globals: %s; thread-local: %s; signal handlers: %s; %s\n",
	scalar keys %object_of, $n_includes, $n_calls, $largest, $largest == 1 ? '' : 's',
	@globals ? "@globals" : 'none', @tls ? "@tls" : 'none',
	@handlers ? "@handlers" : 'none',
	@bad ? scalar(@bad) . ' violations' : 'no violation';
exit(@bad ? 1 : 0);
