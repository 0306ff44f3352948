# What the TAP tests share: a cluster with msgext, the simulator beside it, and waiting
# for a condition instead of for a time.
#
#   my $t = Msgext->new('main');               cluster, simulator, extension, server vk
#   my $id = $t->send(phone => '79990000001', fate => 'sent,delivered');
#   $t->wait_state($id, 'delivered');
#   is($t->sim->count('79990000001'), 1, 'it arrived once');
package Msgext;

use strict;
use warnings;

use Exporter 'import';
use JSON::PP ();
use Msgext::Session;
use Msgext::Simulator;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(until_true quote vk_block densest);

# How long a condition may take to come true; only a failing test waits that long.
our $patience = 60;

# What comes again does so soon, and no limit gets in the way. A timeout is no matter of
# milliseconds on a busy machine: tests that wait for one set their own.
our %fast = (
	timeout => '30 s',
	connect_timeout => '30 s',
	retry_min_delay => '50 ms',
	retry_max_delay => '200 ms',
	poll_min_interval => '50 ms',
	poll_max_interval => '200 ms',
	rate_limit => 'off',
	recipient_limit => 'off');

sub quote
{
	my ($text) = @_;

	return 'NULL' unless defined $text;
	$text =~ s/'/''/g;
	return "'$text'";
}

# Waits until the code returns something true; returns it, or undef.
sub until_true
{
	my ($code, $seconds) = @_;
	my $end = time() + ($seconds // $patience);

	for (;;)
	{
		my $result = $code->();

		return $result if $result;
		return undef if time() > $end;
		sleep(0.02);
	}
}

# The most that any window of so many seconds held of these times, which are in order.
sub densest
{
	my ($seconds, @times) = @_;
	my ($most, $first) = (0, 0);

	for my $last (0 .. $#times)
	{
		$first++ while $times[$last] - $times[$first] >= $seconds;
		$most = $last - $first + 1 if $last - $first + 1 > $most;
	}
	return $most;
}

# conf => text for postgresql.conf, preload => 0, init => [...] for init(), options =>
# {...} of server vk, simulator => [...] arguments, server => 0 for no server, install_path =>
# of another PostgreSQL, sim => one that is there already,
# extension => SQL that makes more than the extension
sub new
{
	my ($class, $name, %args) = @_;
	my $self = bless { phone => 79990000000 }, $class;
	my $node = PostgreSQL::Test::Cluster->new($name,
		defined $args{install_path} ? (install_path => $args{install_path}) : ());

	$self->{node} = $node;
	$node->init(@{ $args{init} // [] });
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'msgext'\n")
	  if $args{preload} // 1;
	$node->append_conf('postgresql.conf', <<CONF . ($args{conf} // ''));
log_statement = none
autovacuum_naptime = 1d
CONF
	$self->{sim} = $args{sim} // Msgext::Simulator->new(@{ $args{simulator} // [] });
	$node->start;
	$self->sql($args{extension} // 'CREATE EXTENSION msgext');
	$self->add_server('vk', %{ $args{options} // {} }) if $args{server} // 1;
	return $self;
}

sub node { return $_[0]->{node} }
sub sim { return $_[0]->{sim} }

# The session that is kept for a statement like this, or undef: it must be one alone that
# leaves no trace, and a session in another database would be in the way of who drops it.
sub session
{
	my ($self, $sql, $database) = @_;

	return undef if ($database // 'postgres') ne 'postgres' || $sql !~ /\A\s*(?:SELECT|SHOW)\b[^;]*\z/;
	$self->{session} = Msgext::Session->new($self->node)
	  if !defined $self->{session} || $self->{session}->node != $self->node;
	return $self->{session};
}

sub sql
{
	my ($self, $sql, $database) = @_;
	my $session = $self->session($sql, $database);

	return defined $session ? $session->must($sql) : $self->node->safe_psql($database // 'postgres', $sql);
}

# The answer, or undef where there is none: a cluster that is down is no error here.
sub try_sql
{
	my ($self, $sql, $database) = @_;
	my $session = $self->session($sql, $database);
	my ($status, $out);

	return $session->ask($sql) if defined $session;

	# IPC::Run dies when psql ends before it has read the statement.
	eval { ($status, $out) = $self->node->psql($database // 'postgres', $sql); };
	return defined $status && $status == 0 ? $out : undef;
}

# The error text of a statement that must fail, '' if it does not.
sub error
{
	my ($self, $sql, $database) = @_;
	my ($status, $out, $err) =
	  $self->node->psql($database // 'postgres', "\\set VERBOSITY verbose\n$sql");

	return $status == 0 ? '' : $err;
}

sub options_text
{
	my (%options) = @_;

	return join(', ', map { "$_ " . quote($options{$_}) } sort keys %options);
}

# A server with fast settings and a mapping for PUBLIC; url and mapping => {...} may be
# given, database => name.
sub add_server
{
	my ($self, $name, %options) = @_;
	my $database = delete $options{database};
	my $mapping = delete $options{mapping}
	  // { login => 'tester', password => '111111' };

	%options = (%fast, url => $self->sim->url, %options);
	$self->sql('CREATE SERVER ' . $name
		  . ' FOREIGN DATA WRAPPER msgext_devino OPTIONS ('
		  . options_text(%options) . ");\n"
		  . "CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS ("
		  . options_text(%$mapping) . ')', $database);
	return;
}

# set_option('vk', timeout => '1 s')
sub set_option
{
	my ($self, $server, %options) = @_;
	my $set = join(', ', map { "SET $_ " . quote($options{$_}) } sort keys %options);

	$self->sql("ALTER SERVER $server OPTIONS ($set)");
	return;
}

sub new_phone
{
	my ($self) = @_;

	return ++$self->{phone};
}

# The vk block as JSON text.
sub vk_block
{
	my (%args) = @_;
	my %data = %{ $args{data} // {} };

	$data{fate} = $args{fate} if defined $args{fate};
	return JSON::PP->new->utf8->canonical->encode(
		{
			subject => $args{subject} // 'AO',
			priority => 'high',
			routes => ['vk'],
			validityPeriod => 180,
			phone => "$args{phone}",
			templateId => 1,
			templateData => \%data
		});
}

# The SQL expression that queues one message: server, phone, fate, subject, data; viber => 1,
# sms => text; operation_id, priority, send_after, expires_at as SQL.
sub send_sql
{
	my (%args) = @_;
	my $viber = 'NULL';
	my $sms = 'NULL';
	my $block = quote(vk_block(%args)) . '::jsonb';
	my $rest = '';

	$block = "jsonb_set($block, '{phone}', to_jsonb($args{phone_sql}))"
	  if defined $args{phone_sql};
	$viber = quote('{"subject":"AO","priority":"high","validityPeriodSec":60,'
		  . '"type":"viber","contentType":"text","text":"text"}')
	  if $args{viber};
	$sms = quote('{"srcAddress":"AO","text":"' . $args{sms} . '","validityPeriod":60}')
	  if $args{sms};
	for my $name (qw(operation_id priority send_after expires_at))
	{
		$rest .= ", $name => $args{$name}" if defined $args{$name};
	}
	return 'msgext.send_vk(' . quote($args{server} // 'vk') . ', '
	  . "$block, $viber, $sms$rest)";
}

# Queues a message, returns its id.
sub send
{
	my ($self, %args) = @_;

	$args{phone} //= $self->new_phone;
	return $self->sql('SELECT ' . send_sql(%args), $args{database});
}

# The same SQL expression n times in one transaction; waits until all of its messages are in
# the state. Returns their ids.
sub post_repeatedly
{
	my ($self, $expression, $n, $state) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @ids = split /\n/, $self->sql("SELECT $expression FROM generate_series(1, $n)");
	my $list = join(',', @ids);
	ok(
		$self->wait_sql("SELECT count(*) FROM msgext.message WHERE id IN ($list) AND state = '$state'", $n),
		"$n messages are $state");
	return @ids;
}

# n messages in one transaction, to phones from $first on; returns their ids.
sub send_many
{
	my ($self, $n, $first, %args) = @_;
	my $expression = send_sql(%args, phone => 70000000,
		phone_sql => "($first + i)::text");

	return split /\n/,
	  $self->sql("SELECT $expression FROM generate_series(0, $n - 1) AS i",
		$args{database});
}

# A column of message_status(), or the whole row as a hash.
sub status
{
	my ($self, $id, $column, $database) = @_;

	return $self->sql("SELECT $column FROM msgext.message_status($id)", $database)
	  if defined $column;
	return JSON::PP->new->utf8->decode(
		$self->sql("SELECT to_jsonb(s) FROM msgext.message_status($id) AS s", $database));
}

sub state
{
	my ($self, $id, $database) = @_;

	return $self->status($id, 'state', $database);
}

# Waits until the query's answer is the one expected; 't' if none is given.
sub wait_sql
{
	my ($self, $query, $expected, $database) = @_;
	my $answer;

	$expected //= 't';
	return 1
	  if until_true(
		sub {
			$answer = $self->try_sql($query, $database);
			return defined $answer && $answer eq $expected;
		});
	diag("waited in vain for \"$expected\" from: $query\nlast answer: " . ($answer // 'none'));
	return 0;
}

# A test: the message gets into one of the states (a regular expression).
sub wait_state
{
	my ($self, $id, $state, $name, $database) = @_;
	my $row = { state => 'none' };

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	until_true(
		sub {
			$row = $self->status($id, undef, $database);
			return $row->{state} =~ /^(?:$state)$/;
		});
	like($row->{state}, qr/^(?:$state)$/, $name // "message $id becomes $state")
	  or diag(JSON::PP->new->utf8->canonical->pretty->encode($row) . $self->events($id, $database));
	return $row;
}

# The timeline as text: kind/state, one a line.
sub events
{
	my ($self, $id, $database) = @_;

	return $self->sql(
		"SELECT string_agg(concat_ws('/', kind, state, code, left(error, 60)), E'\\n' ORDER BY at, kind)"
		  . " FROM msgext.message_event WHERE message_id = $id AND kind <> 'queued'",
		$database);
}

sub server
{
	my ($self, $column, $server, $database) = @_;

	return $self->sql("SELECT $column FROM msgext.server_status WHERE server = "
		  . quote($server // 'vk'), $database);
}

# Waits until an account of a server is paused alone; its reason.
sub wait_refused
{
	my ($self, $server, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	Test::More::ok($self->wait_sql("SELECT paused_accounts <> '{}' AND NOT paused FROM msgext.server_status WHERE server = "
			  . quote($server)), $what);
	return $self->sql("SELECT p.reason FROM msgext.account_pause AS p JOIN pg_foreign_server AS s ON s.oid = p.server_oid"
		  . " WHERE srvname = " . quote($server));
}

# Other credentials of PUBLIC for a server.
sub set_mapping
{
	my ($self, $name, %options) = @_;

	$self->sql("DROP USER MAPPING FOR PUBLIC SERVER $name;\n"
		  . "CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS ("
		  . Msgext::options_text(%options) . ')');
	return;
}

# How many logins the provider has granted.
sub logins
{
	my ($self, $sim) = @_;

	return ($sim // $self->sim)->summary->{logins};
}

sub outbox
{
	my ($self, $id, $columns) = @_;

	return $self->sql("SELECT $columns FROM msgext.outbox WHERE id = $id");
}

# The mapping's own value of an option.
sub mapping_option
{
	my ($self, $server, $option) = @_;

	return $self->sql('SELECT option_value FROM pg_user_mappings, pg_options_to_table(umoptions)'
		  . ' WHERE srvname = ' . quote($server) . ' AND option_name = ' . quote($option));
}

# pid of the worker of a database, '' if there is none now.
sub worker_pid
{
	my ($self, $database) = @_;

	return $self->sql('SELECT pid FROM pg_stat_activity '
		  . "WHERE backend_type = 'msgext worker' AND datname = "
		  . quote($database // 'postgres'));
}

# Everything the cluster has logged.
sub log
{
	my ($self) = @_;

	return slurp_file($self->node->logfile);
}

1;
