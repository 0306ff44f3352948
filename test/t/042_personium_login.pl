# Personium: tokens. One token request at a time, a new one when it is needed, refresh
# tokens that rotate and last, passwords that are not hammered, and no secret where it can
# be read.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use MIME::Base64 ();
use Msgext qw(until_true quote);
use Msgext::Personium;
use Msgext::Soak;
use PostgreSQL::Test::Utils qw(slurp_file append_to_file);
use Test::More;
use Time::HiRes qw(sleep);

my %secret = %Msgext::Personium::secret;
my $by_hand = 'RA~refresh-by-hand-19c4';
my $t = Msgext::Personium->new('personium_login',
	simulator => [ '--personium-refresh-token', $by_hand ],
	conf => "restart_after_crash = on\nlog_min_messages = debug1\n");
my $sim = $t->sim;

# Every secret that has existed, with what it is.
my %seen = ($by_hand => 'refresh token', map { $secret{$_} => $_ } keys %secret);

# n messages in one transaction; waits until all are delivered.
sub post_many
{
	my ($title, $n, $server) = @_;
	my $expression = Msgext::Personium::post_sql(title => $title, server => $server);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $t->post_repeatedly($expression, $n, 'delivered');
}

# The mapping's refresh token, noted as a secret.
sub refresh_token
{
	my ($server) = @_;
	my $token = $t->mapping_option($server, 'refresh_token');

	$seen{$token} = 'refresh token';
	return $token;
}

sub log_in
{
	my $token = $t->log_in(@_);

	$seen{$token} = 'token';
	return $token;
}

sub resume { return $t->sql("SELECT msgext.resume_server('$_[0]')") }

subtest 'one token' => sub {
	$sim->latency(30);
	post_many('first', 40);
	is($t->logins, 1, 'parallel requests share one token');
	is($sim->summary->{unauthorized}, 0, 'and none went without it');
	post_many('again', 5);
	is($t->logins, 1, 'later ones use the same');
};

subtest 'the token expires under way' => sub {
	$sim->expire;
	my @ids = post_many('expired', 40);
	my $list = join(',', @ids);

	is($t->logins, 2, 'one new token for all that were refused');
	cmp_ok($sim->summary->{unauthorized}, '<=', 8, 'which were at most those in flight');
	is($t->sql("SELECT max(failures) FROM msgext.outbox WHERE id IN ($list)"), 0,
		'to be refused does not count as failed');
	is($t->sql("SELECT DISTINCT code FROM msgext.message_event WHERE message_id IN ($list) AND code LIKE 'PR401%'"),
		'PR401-AU-0002', 'the timeline tells it');
	is($t->reached('expired')->{expired}, 40, 'each arrived once');
	is($t->server('paused', 'mail'), 'f', 'the server is not paused');
	is($sim->summary->{logins_in_flight_max}, 1, 'never two token requests at once');
	$sim->latency(0);
};

subtest 'a token that is always refused' => sub {
	$sim->script('personium send always code PR401-AU-0008 Token dsig error.');
	my $before = $t->logins;
	my $id = $t->post(title => 'refused');

	like($t->wait_refused('mail', 'pauses the account'), qr/PR401-AU-0008: Token dsig error/, 'and tells why');
	cmp_ok($t->logins - $before, '<=', 2, 'after a new token, and one more, for it may be known late');
	cmp_ok($t->status($id, 'attempts'), '<=', 3, 'and at most three attempts');
	$sim->clear;
	resume('mail');
	$t->wait_state($id, 'delivered', 'resumed, it goes');
	is_deeply($t->reached('refused'), { refused => 1 }, 'once');
};

# The password is to be changed first: the token that comes with that is good for nothing else.
my $changed;

subtest 'password to be changed' => sub {
	$t->add_cell('change');
	$sim->script('personium login next 1 code PR401-AN-0023 The password should be changed.');
	$changed = $t->post(title => 'change', server => 'change');
	like($t->wait_refused('change', 'pauses the account'), qr/PR401-AN-0023.*password should be changed/, 'it is told why');
	is($t->status($changed, 'attempts'), 0, 'nothing was sent with its token');
	resume('change');
};

subtest 'wrong passwords' => sub {
	my @cases = (
		[ 'password', 'wrong-password-71', qr/PR400-AN-0017/ ],
		[ 'login', 'nobody-71', qr/PR400-AN-0017/ ],
		[ 'password', undef, qr/password/ ]);

	my @servers;

	# All at a time: each waits for long before it tries again.
	for my $i (0 .. $#cases)
	{
		my ($option, $value, $reason) = @{ $cases[$i] };
		my %mapping = (%Msgext::Personium::by_password, $option => $value);
		my $own = Msgext::Simulator->new(Msgext::Personium::simulator());
		my $name = "wrong$i";

		delete $mapping{$option} unless defined $value;
		$seen{$value} = "wrong $option" if defined $value;
		$t->add_cell($name, sim => $own, mapping => \%mapping);
		push @servers,
		  {
			name => $name,
			what => ($value // 'no') . " $option",
			reason => $reason,
			sim => $own,
			ids => [ map { $t->post(title => $name, server => $name) } 1 .. 3 ]
		  };
	}
	for my $server (@servers)
	{
		my $name = $server->{name};
		my $summary;

		like($t->wait_refused($name, "$server->{what}: paused"), $server->{reason}, 'it is told why');
		is($t->server('queued', $name), 3, 'the messages stay queued');
		$summary = $server->{sim}->summary;
		cmp_ok($summary->{login_requests}, '<=', 3, 'after a few attempts');
		is($summary->{logins_locked_out}, 0, 'none of which ran into the lock of the one before');
		$server->{requests} = $summary->{login_requests};
	}

	# People resume too soon; nor is it hammered then.
	resume($_->{name}) for @servers;
	for my $server (@servers)
	{
		my $name = $server->{name};
		my $summary;

		ok(until_true(sub { $server->{sim}->summary->{login_requests} > $server->{requests} }),
			"$server->{what}: resumed with the same credentials, it is tried")
		  if $server->{requests};
		$t->wait_refused($name, 'and paused again');
		$summary = $server->{sim}->summary;
		is($summary->{logins_locked_out}, 0, 'without running into the lock');
		cmp_ok($summary->{login_pause_ms_min}, '>=', 2000, 'attempts are two seconds apart')
		  if $summary->{login_pause_ms_min} > 0;
	}

	# People are slower than the lock. A changed mapping needs no resume_server.
	sleep(1.1);
	$t->set_mapping($_->{name}, %Msgext::Personium::by_password) for @servers;
	for my $server (@servers)
	{
		$t->wait_state($_, 'delivered', 'put right, it goes') for @{ $server->{ids} };
		is($server->{sim}->summary->{logins_locked_out}, 0, 'at no time');
		is($server->{sim}->summary->{logins_in_flight_max}, 1, 'one token request at a time');
		$server->{sim}->stop;
	}
	$t->wait_state($t->post(title => 'other'), 'delivered', 'other servers went on');
};

$t->wait_state($changed, 'delivered', 'changed and resumed, a message goes that waited for its password');

subtest 'token requests that fail' => sub {
	my @cases = ('drop-after', 'html', 'garbage 200', 'empty', 'status 500', 'reset-mid-body',
		'code PR503-SV-0001 Too many concurrent requests.', 'code PR500-SV-0001 Datastore connection error.',
		'status 200 body {"access_token":5}', 'status 200 body {"token_type":"Bearer","expires_in":3600}',
		'status 429 retry-after 1');
	my @posted;

	for my $i (0 .. $#cases)
	{
		my $own = Msgext::Simulator->new(Msgext::Personium::simulator());

		$own->script("personium login next 1 $cases[$i]");
		$t->add_cell("shaky$i", sim => $own);
		push @posted, [ $own, $t->post(title => "shaky$i", server => "shaky$i") ];
	}
	for my $i (0 .. $#cases)
	{
		my ($own, $id) = @{ $posted[$i] };
		my $row = $t->wait_state($id, 'delivered', "$cases[$i]: asked for again");

		is($row->{attempts}, 1, 'no message was sent without a token');
		is($t->server('paused', "shaky$i"), 'f', 'the server is not paused');
		isnt($t->server('last_error', "shaky$i"), '', 'it is told');
		is($own->summary->{login_requests}, 2, 'by two requests');
		$own->stop;
	}
};

subtest 'a ready token' => sub {
	my ($before, $id);

	$t->add_cell('ready', mapping => { token => log_in(cell => 'ready') });
	$before = $t->logins;
	$t->wait_state($t->post(title => 'ready', server => 'ready'), 'delivered', 'is used as it is');
	$sim->expire;
	$id = $t->post(title => 'ready', server => 'ready');
	like($t->wait_refused('ready', 'expired, it pauses the account'), qr/PR401-AU-0002/, 'it is told why');
	is($t->logins, $before, 'there is nothing to get a new one with');
	$t->set_mapping('ready', token => log_in(cell => 'ready'));
	$t->wait_state($id, 'delivered', 'a new one is put there by hand');
};

subtest 'applications' => sub {
	my ($id, $row);

	$t->add_cell('app', mapping => \%Msgext::Personium::by_app);
	$row = $t->wait_state($id = $t->post(title => 'boxed', server => 'app', more => { BoxBound => JSON::PP::true }),
		'delivered', 'a box needs an application, whose credentials go with the password');
	ok(($t->lines('boxed'))[0]{body}{BoxBound}, 'so it arrives');
	$sim->expire;
	$t->wait_state($t->post(title => 'boxed2', server => 'app', more => { BoxBound => JSON::PP::true }), 'delivered',
		'and with the refresh token');

	$t->add_cell('badapp', mapping => { %Msgext::Personium::by_app, client_secret => 'wrong-app-token-71' });
	$seen{'wrong-app-token-71'} = 'wrong client_secret';
	$t->post(title => 'badapp', server => 'badapp');
	like($t->wait_refused('badapp', 'a wrong application token pauses the account'), qr/PR400-AN-0003/, 'it is told why');
};

# With a password, too, a session is renewed by its refresh token, while that lives.
subtest 'short lives' => sub {
	my $own = Msgext::Simulator->new(
		Msgext::Personium::simulator('--personium-token-life', 5000, '--personium-refresh-life', 86400000));
	my $brief = Msgext::Simulator->new(
		Msgext::Personium::simulator('--personium-token-life', 5000, '--personium-refresh-life', 1000));
	my $n = 0;

	$t->add_cell('short', sim => $own);
	$t->add_cell('brief', sim => $brief);
	until_true(
		sub {
			$t->post(title => 'short', server => 'short');
			$t->post(title => 'brief', server => 'brief');
			$n++;
			sleep(0.2);
			return $own->summary->{logins} >= 3 && $brief->summary->{logins} >= 3;
		});
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE server IN ('short', 'brief') AND state = 'delivered'", 2 * $n),
		"$n messages to each outlive their tokens");
	is($own->summary->{unauthorized}, 0, 'no request went with an old token');
	is($own->summary->{login_requests}, $own->summary->{logins}, 'no token request was in vain');
	my $summary = $brief->summary;
	cmp_ok($summary->{login_requests}, '>', $summary->{logins}, 'a refresh token that has expired is refused');
	is($summary->{unauthorized}, $summary->{login_requests} - $summary->{logins}, 'which is all that was refused');
	is($t->server('paused', 'brief'), 'f', 'for then the password is used');
	is($t->sql("SELECT max(attempts) FROM msgext.outbox WHERE server IN ('short', 'brief')"), 1, 'each message went once');
	$_->stop for $own, $brief;
};

my $left = do {
	my $id;

	subtest 'refresh tokens' => sub {
		my $first = $secret{refresh_token};
		my $before = $t->logins;

		$t->add_cell('rota', mapping => \%Msgext::Personium::by_refresh_token);
		$sim->script('personium send match rota1 next 1 hang');
		$id = $t->post(title => 'rota1', server => 'rota');

		# The token is used no earlier than its successor is kept: a crash at its first use.
		ok(until_true(sub { $t->lines('rota1') }), 'the message has arrived');
		my ($pid) = slurp_file($t->node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
		$t->node->kill9;
		until_true(sub { !kill(0, $pid) });
		until_true(sub { $t->node->start(fail_ok => 1) }) or die 'the cluster did not start again';
		$t->wait_state($id, 'delivered', 'the cluster is killed, and comes back: it is delivered');
		my $second = refresh_token('rota');
		isnt($second, $first, 'the mapping has another refresh token');
		is($t->logins, $before + 2, 'which was good for the token after the crash');
		is_deeply($t->reached('rota1'), { rota1 => 1 }, 'it arrived once');

		$sim->expire;
		post_many('rota2', 20, 'rota');
		my $third = refresh_token('rota');
		isnt($third, $second, 'each token brings a new one');
		is($t->logins, $before + 3, 'and there is one for all requests');

		# Whoever loses a refresh token has to log in by hand.
		$sim->expire;
		$sim->script('personium login next 1 drop-after');
		$id = $t->post(title => 'rota3', server => 'rota');
		my $refused = $sim->summary->{unauthorized};
		like($t->wait_refused('rota', 'a refresh token whose answer was lost is used up: paused'), qr/PR400-AN-0010/, 'it is told why');
		cmp_ok($sim->summary->{unauthorized} - $refused, '<=', 4, 'it was not tried in a loop');
		is($t->state($id), 'queued', 'the message waits');
		$t->sql("ALTER USER MAPPING FOR PUBLIC SERVER rota OPTIONS (SET refresh_token '$by_hand')");

		# With a password beside it there is no need for that.
		$t->add_cell('pair', mapping => { %Msgext::Personium::by_password, refresh_token => 'RA~of-yesterday' });
		$seen{'RA~of-yesterday'} = 'refresh token';
		$t->wait_state($t->post(title => 'pair', server => 'pair'), 'delivered',
			'a refresh token that is refused, and a password beside it');
		isnt(refresh_token('pair'), 'RA~of-yesterday', 'which brings a new refresh token');
	};
	$id;
};

subtest 'a refresh token in a file' => sub {
	my $own = Msgext::Simulator->new(Msgext::Personium::simulator());
	my $file = $t->node->basedir . '/refresh_token';

	append_to_file($file, "$secret{refresh_token}\n");
	chmod 0600, $file;
	$t->add_cell('filed', sim => $own, mapping => { refresh_token_file => $file });
	$t->wait_state($t->post(title => 'filed', server => 'filed'), 'delivered');
	my $second = slurp_file($file);
	isnt($second, "$secret{refresh_token}\n", 'the file has a new one');
	like($second, qr/^RA~\S+\n$/, 'as a line');
	is((stat $file)[2] & 07777, 0600, 'which nobody else may read');
	Msgext::Soak::kill_something($t, 0);
	ok(Msgext::Soak::wait_until_up($t), 'the worker is killed and comes back');
	$t->wait_state($t->post(title => 'filed', server => 'filed'), 'delivered', 'it is used');
	isnt(slurp_file($file), $second, 'and replaced');
	chomp($second, my $third = slurp_file($file));
	@seen{ $second, $third } = ('refresh token') x 2;
	is($own->summary->{unauthorized}, 0, 'nothing was refused');
	$own->stop;
};

# What the provider echoes of our secrets is not kept.
subtest 'echoes' => sub {
	my $token = log_in(cell => 'echo');
	my ($row, $id);

	$t->add_cell('echo', mapping => { token => $token });
	$sim->script("personium send match echo1 next 1 code PR400-OD-0006 Bearer $token is odd",
		"personium target match /echo2/ next 1 status 403 body token $token is not liked",
		"personium send match echo3 next 1 status 500 body {\"echo\":\"Bearer $token\"}");
	$row = $t->wait_state($t->post(title => 'echo1', server => 'echo'), 'rejected');
	like($row->{error}, qr/is odd/, 'a refusal that quotes the token');
	$row = $t->wait_state($t->post(title => 'echo2', server => 'echo'), 'rejected');
	like($row->{error}, qr/is not liked/, 'a target that does');
	$row = $t->wait_state($t->post(title => 'echo3', server => 'echo'), 'delivered', 'an error page that does');

	for my $echo ($secret{password}, 'password=Battery%2BStaple%20%26%204471%25', 'Battery%2BStaple+%26+4471%25')
	{
		my $name = 'echoed' . ++$id;

		$t->add_cell($name, mapping => \%Msgext::Personium::by_app);
		$sim->script("personium login next 1 code PR400-AN-0017 $echo of $secret{client_secret} is wrong");
		$t->post(title => $name, server => $name);
		ok(until_true(sub { ($t->server('last_error', $name) // '') =~ /is wrong/ }), 'a login that is refused in such words');
	}
};

$t->wait_state($left, 'delivered', 'a refresh token put there by hand is used');
isnt(refresh_token('rota'), $by_hand, 'and replaced by its successor');

# Last of all: none of them is where it can be read.
subtest 'secrets' => sub {
	my $log = $t->log;
	my $tables = '';
	my $activity = $t->sql('SELECT string_agg(a::text, chr(10)) FROM pg_stat_activity AS a'
		  . " WHERE pid <> pg_backend_pid()");
	my $processes = `ps -ww -o args --ppid \$(head -1 @{[ $t->node->data_dir ]}/postmaster.pid)`;
	my $ledger = $sim->ledger_text;

	# As they are written on the wire, too.
	for my $known (keys %seen)
	{
		(my $form = $known) =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ge;
		$seen{$form} //= "$seen{$known}, percent-encoded";
	}
	for my $table (split /\n/, $t->sql("SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'v')"
			  . " AND relnamespace = 'msgext'::regnamespace"))
	{
		$tables .= $t->sql("SELECT t::text FROM $table AS t") . "\n";
	}
	cmp_ok(scalar keys %seen, '>=', 15, 'there were ' . (scalar keys %seen) . ' secrets');
	ok(index($tables, unpack 'H*', 'rota2') >= 0, 'the tables were read, payloads too');
	for my $secret (sort keys %seen)
	{
		my $hex = unpack 'H*', $secret;
		my $base64 = MIME::Base64::encode_base64($secret, '');

		# An address and a name are no secrets by themselves.
		next if $seen{$secret} =~ /^(?:login|client_id|wrong login)\b/;
		for my $form ($secret, $hex, $base64)
		{
			for my $place ([ 'log', $log ], [ 'tables', $tables ], [ 'pg_stat_activity', $activity ],
				[ 'process titles', $processes ], [ 'ledger', $ledger ])
			{
				fail("$seen{$secret} is in the $place->[0]") if index($place->[1], $form) >= 0;
			}
		}
	}
	unlike("$log$tables$activity$processes", qr/AA~[A-Za-z0-9_-]{20}|RA~[A-Za-z0-9_-]{20}/, 'nor any token at all');
	pass('none of them is in the log, the tables, pg_stat_activity');
};

unlike($t->log, qr/(?:WARNING|ERROR|PANIC):.*msgext/, 'the log has no complaint of ours');

done_testing();
