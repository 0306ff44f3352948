# Reads OpenMetrics 1.0 as strictly as its text says, and no further than we write it.
#
#   my $m = Msgext::OpenMetrics->new($text);
#   is(join("\n", $m->faults), '', 'nothing is wrong');
#   is($m->value('msgext_paused', server => 'vk'), 0);
package Msgext::OpenMetrics;

use strict;
use warnings;

my %suffixes = (
	counter => qr/_total|_created/,
	gauge => qr//,
	histogram => qr/_bucket|_count|_sum|_created/,
	info => qr/_info/);
my $number = qr/[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf|NaN)/;

sub new
{
	my ($class, $text) = @_;
	my $self = bless { faults => [], types => {}, samples => {}, names => {} }, $class;

	$self->parse($text);
	$self->check_histograms;
	return $self;
}

sub fault { my ($self, $what) = @_; push @{ $self->{faults} }, $what; return }
sub faults { return @{ $_[0]->{faults} } }
sub names { return sort keys %{ $_[0]->{names} } }

sub key
{
	my ($name, %labels) = @_;

	return join "\x1f", $name, map { "$_=$labels{$_}" } sort keys %labels;
}

sub value
{
	my ($self, $name, %labels) = @_;

	return $self->{samples}{ key($name, %labels) };
}

# The labels between the braces, or undef.
sub labels
{
	my ($text) = @_;
	my %labels;

	while ($text =~ s/\A([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,(?!\z)|\z)//)
	{
		my ($name, $value) = ($1, $2);

		return undef if exists $labels{$name};
		$value =~ s/\\(.)/$1 eq 'n' ? "\n" : $1/ge;
		$labels{$name} = $value;
	}
	return $text eq '' ? \%labels : undef;
}

sub parse
{
	my ($self, $text) = @_;
	my @lines = split /\n/, $text, -1;
	my ($family, $type, %head, %done);

	return $self->fault('the last line does not end') if pop @lines ne '';
	return $self->fault('no # EOF at the end') if !@lines || pop @lines ne '# EOF';
	for my $line (@lines)
	{
		if ($line =~ /\A# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)\z/)
		{
			my ($what, $name, $rest) = ($1, $2, $3);

			if (!defined $family || $name ne $family)
			{
				$self->fault("$name comes twice") if $done{$name}++;
				($family, $type, %head) = ($name, 'unknown');
			}
			$self->fault("$what of $name comes twice, or behind a sample") if $head{$what}++ || $head{sample};
			$type = $self->{types}{$name} = $rest if $what eq 'TYPE';
			$self->fault("$name: unknown type $rest") if $what eq 'TYPE' && !exists $suffixes{$rest};
			$self->fault("$name does not end with its unit $rest") if $what eq 'UNIT' && $name !~ /_\Q$rest\E\z/;
			$self->fault("$name: wrong escapes") if $what eq 'HELP' && $rest =~ /\\(?![\\n"])/;
		}
		elsif ($line =~ /\A([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ($number)\z/)
		{
			my ($name, $labels, $value) = ($1, labels($2 // ''), $3);
			my $suffix = $suffixes{$type // ''};

			$head{sample} = 1;
			if (!defined $suffix || $name !~ /\A\Q$family\E(?:$suffix)\z/)
			{
				$self->fault("$name is none of family " . ($family // 'none'));
			}
			elsif (!defined $labels)
			{
				$self->fault("labels: $line");
			}
			else
			{
				$self->fault("twice: $line") if exists $self->{samples}{ key($name, %$labels) };
				$self->fault("negative or no number: $line") if $type ne 'gauge' && $value !~ /\A[\d.]+\z/;
				$self->fault("a bound that is no float: $line")
				  if exists $labels->{le} && $labels->{le} !~ /\A(?:\d+\.\d+|\+Inf)\z/;
				$self->{samples}{ key($name, %$labels) } = $value;
				$self->{names}{$name} = 1;
				push @{ $self->{buckets}{ key($family, map { $_ => $labels->{$_} } grep { $_ ne 'le' } keys %$labels) } },
				  [ $labels->{le}, $value ]
				  if $name =~ /_bucket\z/;
			}
		}
		else
		{
			$self->fault("neither head nor sample: $line");
		}
	}
	return;
}

# Bounds and counts grow, the last one is +Inf, and says what _count says.
sub check_histograms
{
	my ($self) = @_;

	for my $key (sort keys %{ $self->{buckets} // {} })
	{
		my @buckets = @{ $self->{buckets}{$key} };
		my ($family, @labels) = split /\x1f/, $key;
		my $count = $self->{samples}{ join "\x1f", "${family}_count", @labels };
		my ($bound, $so_far) = (-1, 0);

		$self->fault("$family: no +Inf") if $buckets[-1][0] ne '+Inf';
		$self->fault("$family: _count is not that of +Inf") if !defined $count || $count != $buckets[-1][1];
		$self->fault("$family: no _sum") if !exists $self->{samples}{ join "\x1f", "${family}_sum", @labels };
		for my $bucket (@buckets)
		{
			$self->fault("$family: bounds do not grow") if $bucket->[0] ne '+Inf' && $bucket->[0] <= $bound;
			$self->fault("$family: not cumulative") if $bucket->[1] < $so_far;
			($bound, $so_far) = @$bucket;
		}
	}
	return;
}

1;
