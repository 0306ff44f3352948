# Three ledgers against each other: what the sessions committed, what the provider took and
# told, and what the database says.
package Chaos::Ledger;

use strict;
use warnings;

# As peer/text.c makes it.
sub hash
{
	my ($text) = @_;
	my $h = 2166136261;

	$h = (($h ^ $_) * 16777619) & 0xffffffff for unpack 'C*', $text;
	return $h;
}

sub lines
{
	my ($file) = @_;

	open(my $in, '<', $file) or return;
	my @lines = <$in>;

	chomp @lines;
	return @lines;
}

# writers => [files], peer => file; crashes => [[begin, end], ...] in ms, of a cluster that
# commits asynchronously: they may have taken what nobody waited for
sub new
{
	my ($class, %args) = @_;
	my $self = bless { %args, complaints => [], figures => {} }, $class;

	$self->read_writers;
	$self->read_peer;
	return $self;
}

sub complain
{
	my ($self, $kind, $text) = @_;

	push @{ $self->{complaints} }, "$kind: $text";
	return;
}

sub read_writers
{
	my ($self) = @_;

	for my $line (map { lines($_) } @{ $self->{writers} })
	{
		my $at = $line =~ s/^(\d+) // ? $1 : next;

		if ($line =~ /^I (\S+) (\S+)$/)
		{
			$self->{server}->{$2} = $1;
			$self->{fate}->{$2} //= 'I';
			$self->{begun}->{$2} = $at;
		}
		elsif ($line =~ /^([CPRU]) (\S+)$/)
		{
			$self->{fate}->{$2} = $1;
			$self->{told_at}->{$2} = $at;
		}
		elsif ($line =~ /^X (\S+) (\d+)$/) { $self->{cancelled}->{$1} = [ $2, $at ] }
		elsif ($line =~ /^BACK (\d+) (.*)$/)
		{
			$self->complain('backwards', "message $2") unless $self->first_crash($1, $at);
		}
		elsif ($line =~ /^E (.*)$/) { $self->complain('error', $1) }
	}
	return;
}

# The first crash that had not ended then, and had begun before the other time if one is
# given; or undef.
sub first_crash
{
	my ($self, $since, $before) = @_;

	for my $crash (@{ $self->{crashes} // [] })
	{
		return $crash if $crash->[1] >= $since && (!defined $before || $crash->[0] < $before);
	}
	return undef;
}

# May a crash have taken what was committed asynchronously, begun at the one time and
# acknowledged by the other? What it takes are the last records of the log: nothing that was
# begun after that acknowledgement, and acknowledged before the crash, is there either.
sub may_be_lost
{
	my ($self, $begun, $told) = @_;
	my $crash = $self->first_crash($begun) // return 0;

	return !grep { $_->[0] > $told && $_->[1] < $crash->[0] } @{ $self->{outlived} };
}

sub read_peer
{
	my ($self) = @_;

	for my $line (lines($self->{peer}))
	{
		if ($line =~ /^A (\S+) (\S+) (\S+) (\S+) (\S+)$/)
		{
			push @{ $self->{taken}->{$2} }, { id => $4, key => $3, how => $5 };
			$self->{owner}->{"$1 $4"} = $2;
		}
		elsif ($line =~ /^D edna (\S+) (\S+) (\S+) (\S+)$/) { $self->{repeats}++ }
		elsif ($line =~ /^J (\S+) (\S+)$/) { $self->{refused}->{$2} = 1 }
		elsif ($line =~ /^K (\S+) (\S+)$/) { $self->{told}->{$1}->{$2} = 1 }
		elsif ($line =~ /^B (.*)$/) { $self->complain('bad request', $1) }
	}
	return;
}

# What it wants to know of each message, one a line.
sub query
{
	return <<'SQL';
SELECT o.id, o.server, o.state, coalesce(substring(convert_from(o.payload, 'UTF8') from '(t[0-9]+\.[0-9]+)[<"]'), '-'),
    coalesce(o.provider_id, '-'), o.attempts, o.maybe_sent,
    count(*) FILTER (WHERE e.state = 'unknown'),
    count(*) FILTER (WHERE e.kind = 'interrupted' OR e.kind = 'retried' OR e.kind = 'answer'
        AND e.state = 'queued' AND coalesce(e.http_status, 0) NOT IN (429, 503))
FROM msgext.outbox o LEFT JOIN msgext.event e ON e.message_id = o.id
GROUP BY o.id ORDER BY o.id
SQL
}

# server|provider id|message, and server|provider id|message|reports
sub reference_query
{
	return 'SELECT s.srvname, r.provider_id, r.message_id FROM msgext.reference r '
	  . 'JOIN pg_foreign_server s ON s.oid = r.server_oid';
}

sub callback_query
{
	return "SELECT provider_id, coalesce(max(message_id)::text, '-'), count(*), "
	  . 'count(message_id) FROM msgext.callback WHERE provider_id IS NOT NULL GROUP BY 1';
}

sub judge_message
{
	my ($self, $m) = @_;
	my $taken = $self->{taken}->{ $m->{tag} } // [];
	my $n = @$taken;
	my $what = "message $m->{id} ($m->{tag}, $m->{server}) is $m->{state}, "
	  . "taken $n times (" . join(', ', map { "$_->{id} $_->{how}" } @$taken) . '), '
	  . "attempts $m->{attempts}";
	my $refused = hash($m->{tag}) % 20 == 7;
	my $end = hash($m->{tag}) % 10 == 4 ? 'undelivered' : 'delivered';
	my $fate = $self->{fate}->{ $m->{tag} } // '?';

	$self->{figures}->{ $m->{state} }++;
	return $self->complain('uncommitted', "$what; the session says $fate") if $fate !~ /^[CPU]$/;
	if ($m->{state} =~ /^(?:queued|sending)$/) { $self->complain('stuck', $what) }
	elsif ($m->{state} =~ /^(?:cancelled|failed|expired|rejected)$/)
	{
		$self->complain('denied', "$what: the provider has it") if $n > 0;
		$self->complain('denied', "$what: nobody refused it")
		  if $m->{state} eq 'rejected' && !$self->{refused}->{ $m->{tag} };
	}
	elsif ($m->{state} eq 'unknown') { $self->complain('stuck', "$what, and not to be retried") }
	else
	{
		$self->complain('lost', "$what: the provider never had it") if $n == 0;
		$self->complain('mispaired', "$what with id $m->{provider_id}")
		  if $n > 0 && $m->{provider_id} ne '-' && !grep { $_->{id} eq $m->{provider_id} } @$taken;
		$self->complain('mispaired', "$what without an id") if $n > 0 && $m->{provider_id} eq '-';
		$self->complain('untold', "$what: the provider said $end") if $m->{state} ne $end;
	}
	if ($m->{server} eq 'edna')
	{
		my %keys = map { $_->{key} => 1 } @$taken;

		$self->complain('doubled', "$what under different keys: " . join ' ', sort keys %keys) if keys %keys > 1;
		$self->complain('doubled', $what) if $n > keys %keys;
	}
	else
	{
		my $allowed =
		  $m->{server} eq 'vk'
		  ? $m->{unknown} + ($m->{state} =~ /^(?:accepted|sent|delivered|undelivered|read)$/ ? 1 : 0)
		  : $m->{unsure} + 1;

		$self->complain('doubled', "$what, $allowed allowed") if $n > $allowed;
	}
	$self->complain('cancelled', "$what, and was cancelled")
	  if $self->{cancelled}->{ $m->{tag} } && $m->{state} ne 'cancelled'
	  && !$self->may_be_lost(@{ $self->{cancelled}->{ $m->{tag} } });
	return;
}

# rows, references, callbacks: answers of the three queries. Returns the complaints.
sub judge
{
	my ($self, $rows, $references, $callbacks) = @_;
	my (%seen, %tag_of, %message_of, %reports);
	my $lost = 0;

	my @messages;

	for my $line (split /\n/, $rows)
	{
		my %m;

		@m{qw(id server state tag provider_id attempts maybe_sent unknown unsure)} = split /\|/, $line;
		push @messages, \%m;
		push @{ $self->{outlived} }, [ $self->{begun}->{ $m{tag} }, $self->{told_at}->{ $m{tag} } ]
		  if ($self->{fate}->{ $m{tag} } // '') =~ /^[CP]$/;
	}
	for my $m (@messages)
	{
		$self->complain('twice', "messages $seen{$m->{tag}} and $m->{id} are both $m->{tag}") if $seen{ $m->{tag} };
		$seen{ $m->{tag} } = $m->{id};
		$tag_of{ $m->{id} } = $m->{tag};
		$self->judge_message($m);
	}
	for my $tag (sort keys %{ $self->{fate} })
	{
		next if $seen{$tag};
		my $sent = $self->{taken}->{$tag} || $self->{refused}->{$tag};

		$self->complain('orphan', "$tag was sent and is in no row; the session says $self->{fate}->{$tag}") if $sent;
		next if $sent || $self->{fate}->{$tag} !~ /^[CP]$/;
		$lost++;
		$self->complain('lost', "$tag was committed and is in no row")
		  if $self->{fate}->{$tag} eq 'P' || !$self->may_be_lost($self->{begun}->{$tag}, $self->{told_at}->{$tag});
	}
	for my $line (split /\n/, $references)
	{
		my ($server, $id, $message) = split /\|/, $line;
		my $owner = $self->{owner}->{"$server $id"} // 'nobody';

		$message_of{$id} = $message;
		$self->complain('mispaired', "id $id of $owner is recorded with message $message, " . ($tag_of{$message} // 'which is not there'))
		  if $owner ne ($tag_of{$message} // '');
	}
	for my $line (split /\n/, $callbacks)
	{
		my ($id, $message, $count, $matched) = split /\|/, $line;

		$reports{$id} = $count;
		$self->complain('callback', "$matched of $count reports of $id lie with message $message, "
			  . "all belong to $message_of{$id}, $tag_of{$message_of{$id}}")
		  if defined $message_of{$id} && ($message ne $message_of{$id} || $matched != $count);
	}
	for my $id (sort keys %{ $self->{told} })
	{
		my $n = keys %{ $self->{told}->{$id} };

		$self->complain('callback', "$n of $id were answered with 200, " . ($reports{$id} // 0) . ' are there')
		  if $n > ($reports{$id} // 0);
	}
	$self->{figures}->{'lost with its session\'s asynchronous commit'} = $lost if $lost;
	return @{ $self->{complaints} };
}

sub figures { return $_[0]->{figures} }

1;
