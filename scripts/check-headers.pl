#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# check-headers.pl HEADER...
#
# Every prototype in a public header stands under a comment with the four contract tags [own]
# [thr] [sig] [err], each with something behind it.  Prototypes that follow each other without a
# blank line share the comment.  A struct that holds function pointers is a table of functions: it
# needs a comment of its own, above it or inside, but no tags.
use strict;
use warnings;

my @TAGS = qw(own thr sig err);
my $bad = my $n_prototypes = 0;

sub complain {
	my ($where, $what) = @_;
	print "$where: $what\n";
	$bad++;
}

# The text as items {line, kind, text}: comment, blank (an empty line between two items) and
# statement (up to its ; with every brace closed).  Preprocessor lines are dropped.
sub items {
	my ($text) = @_;
	my ($line, @items) = (1);
	$text =~ s/^[ \t]*#(?:[^\n\\]|\\\n|\\.)*/"\n" x ($& =~ tr{\n}{})/gme;
	while ($text =~ m{\G(?:
			(?<comment>/\*.*?\*/)
			| (?<gap>\s+)
			| (?<statement>
				(?:struct|union|enum|typedef)\b [^;{}()]*
					(?<braces>\{(?:/\*.*?\*/|[^{}]|(?&braces))*\}) [^;{}]* ;
				| (?:[^;{}/]|/(?!\*)|/\*.*?\*/)+ (?:;|(?&braces)))
			| (?<other>.)
		)}gsx) {
		my ($found) = $&;
		for my $kind (qw(comment gap statement other)) {
			next unless defined $+{$kind};
			push @items, { line => $line, kind => $kind, text => $found }
				unless $kind eq 'gap' and $found !~ /\n[ \t]*\n/;
		}
		$line += $found =~ tr/\n//;
	}
	return @items;
}

sub check_prototype {
	my ($where, $name, $comment) = @_;
	$n_prototypes++;
	return complain($where, "$name: no comment directly above it") unless defined $comment;
	my @missing = grep { $comment !~ /\[$_\]\s*(?:\*\s*)?[^\s\[*]/ } @TAGS;
	complain($where, "$name: its comment lacks " . join ' ', map { "[$_]" } @missing) if @missing;
}

sub check_file {
	my ($path) = @_;
	open my $f, '<', $path or die "check-headers.pl: cannot read $path: $!\n";
	my $text = do { local $/; <$f> };
	my $comment; # the one that speaks for what follows, until a blank line ends it
	for my $item (items($text)) {
		my $where = "$path:$item->{line}";
		if ($item->{kind} eq 'comment') { $comment = $item->{text}; next }
		if ($item->{kind} eq 'gap') { undef $comment; next }
		my $bare = $item->{text} =~ s{/\*.*?\*/}{ }gsr;
		if (my ($tag) = $bare =~ /^\s*((?:struct|union)\s+\w+)\s*\{/) {
			complain($where, "$tag holds functions but nothing says who calls them")
				if $bare =~ /\(\s*\*\s*\w+\s*\)\s*\(/ and !defined $comment
					and $item->{text} eq $bare;
			next;
		}
		next if $bare =~ /^\s*(?:enum\s*\w*\s*\{|typedef\b)/ or $bare !~ /\(/;
		next if $bare =~ /^\s*(?:_S|s)tatic_assert\b/;
		my ($name) = $bare =~ /(\w+)\s*\((?!\s*\*)/ or next;
		check_prototype($where, $name, $comment);
	}
}

die "usage: check-headers.pl HEADER...\n" unless @ARGV;
check_file($_) for @ARGV;
printf "headers: %d prototypes in %d files, %s\n", $n_prototypes, scalar @ARGV,
	$bad ? "$bad without their contract" : 'every one with its contract';
exit($bad ? 1 : 0);
