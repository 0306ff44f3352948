# Diadoc: sessions. One login for all requests, a new one when it is needed, refresh tokens
# kept before they are used, and no secret where it can be read.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Msgext::Diadoc;
use Msgext::Soak;
use PostgreSQL::Test::Utils qw(slurp_file append_to_file);
use Test::More;
use Time::HiRes qw(sleep);

my %secret = %Msgext::Diadoc::secret;
my $by_hand = 'refresh-by-hand-0b55e1';
my $t = Msgext::Diadoc->new('diadoc_login',
	simulator => [ '--diadoc-refresh-token', $by_hand ],
	conf => "restart_after_crash = on\nlog_min_messages = debug1\n",
	options => { status_poll => 'off' });
my $sim = $t->sim;

# Every secret that has existed, with what it is.
my %seen = ($by_hand => 'refresh token', map { $secret{$_} => $_ } keys %secret);

# n messages in one transaction; waits until all are accepted.
sub post_many
{
	my ($word, $n, $server) = @_;
	my $expression = Msgext::Diadoc::post_sql(comment => $word, server => $server);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $t->post_repeatedly($expression, $n, 'accepted');
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
	my ($self) = @_;
	my $answer = HTTP::Tiny->new->post(
		$sim->url('diadoc') . '/V3/Authenticate?type=password',
		{
			headers => {
				'Authorization' => "DiadocAuth ddauth_api_client_id=$secret{api_client_id}",
				'Content-Type' => 'application/json'
			},
			content => JSON::PP->new->encode({ login => $secret{login}, password => $secret{password} })
		});
	my ($token) = $answer->{content} =~ /^(\S+)/;

	$seen{$token} = 'token';
	return $token;
}

subtest 'one login' => sub {
	$sim->latency(30);
	post_many('first', 40);
	is($t->logins, 1, 'parallel requests share one login');
	is($sim->summary->{unauthorized}, 0, 'and none went without it');
	post_many('again', 5);
	is($t->logins, 1, 'later ones use the same');
};

subtest 'the token ends early' => sub {
	$sim->expire;
	my @ids = post_many('expired', 40);
	is($t->logins, 2, 'one new login for all that were refused');
	cmp_ok($sim->summary->{unauthorized}, '<=', 8, 'which were at most those in flight');
	is($t->sql('SELECT max(failures) FROM msgext.outbox WHERE id IN (' . join(',', @ids) . ')'), 0,
		'to be refused does not count as failed');
	is(scalar $t->lines('expired'), 40, 'each arrived once');
	is($t->server('paused', 'docs'), 'f', 'the server is not paused');
	$sim->latency(0);
};

subtest 'a token that is always refused' => sub {
	$sim->script('diadoc send always code Http.Auth Invalid auth token');
	my $before = $t->logins;
	my $id = $t->post(comment => 'refused');

	like($t->wait_refused('docs', 'pauses the account'), qr/Http\.Auth: Invalid auth token/, 'and tells why');
	cmp_ok($t->logins - $before, '<=', 2, 'after a new login, and one more, for a fresh token may be known late');
	cmp_ok($t->status($id, 'attempts'), '<=', 3, 'and at most three attempts');
	$sim->clear;
	$t->sql("SELECT msgext.resume_server('docs')");
	$t->wait_state($id, 'accepted', 'resumed, it goes');
};

subtest 'wrong credentials' => sub {
	my @cases = (
		[ 'password', 'wrong-password-71', qr/Http\.Auth: Invalid login or password/ ],
		[ 'api_client_id', 'wrong-client-71', qr/Http\.Auth: Invalid API client id/ ],
		[ 'api_client_id', undef, qr/has no api_client_id/ ],
		[ 'password', undef, qr/has no password/ ]);

	for my $i (0 .. $#cases)
	{
		my ($option, $value, $reason) = @{ $cases[$i] };
		my %mapping = (%Msgext::Diadoc::by_password, $option => $value);
		my $name = "wrong$i";
		my $before = $sim->summary->{unauthorized};
		my @ids;

		delete $mapping{$option} unless defined $value;
		$seen{$value} = "wrong $option" if defined $value;
		$t->add_docs($name, mapping => \%mapping, status_poll => 'off');
		@ids = map { $t->post(comment => $name, server => $name) } 1 .. 3;
		like($t->wait_refused($name, ($value // 'no') . " $option: paused"), $reason, 'it is told why');
		is($t->server('queued', $name), 3, 'the messages stay queued');
		$t->wait_state($t->post(comment => 'other'), 'accepted', 'other servers go on');
		cmp_ok($sim->summary->{unauthorized} - $before, '<=', 1, 'it was tried once');
		$t->set_mapping($name, %Msgext::Diadoc::by_password);
		$t->wait_state($_, 'accepted', 'put right, it goes') for @ids;
	}
};

subtest 'logins that fail' => sub {
	$t->add_docs('shaky', status_poll => 'off');
	$sim->script('diadoc login next 1 drop-after');
	my $row = $t->wait_state($t->post(comment => 'shaky', server => 'shaky'), 'accepted',
		'a lost answer: logged in again');
	is($row->{attempts}, 1, 'no message was sent without a session');

	$sim->script('diadoc login next 1 html');
	$t->add_docs('shaky2', status_poll => 'off');
	my $id = $t->post(comment => 'shaky2', server => 'shaky2');
	ok($t->wait_sql("SELECT last_error LIKE '%login%token%' FROM msgext.server_status WHERE server = 'shaky2'"),
		'a page in the place of a token is told');
	$row = $t->wait_state($id, 'accepted', 'the message waits, and goes when there is one');
	is($row->{attempts}, 1, 'at once');
};

subtest 'a ready token' => sub {
	my $before;

	$t->add_docs('ready', status_poll => 'off',
		mapping => { api_client_id => $secret{api_client_id}, token => log_in() });
	$before = $t->logins;
	$t->wait_state($t->post(comment => 'ready', server => 'ready'), 'accepted', 'is used as it is');
	$sim->expire;
	my $id = $t->post(comment => 'ready', server => 'ready');
	$t->wait_refused('ready', 'expired, it pauses the account');
	is($t->logins, $before, 'there is nothing to log in with');
	$t->set_mapping('ready', api_client_id => $secret{api_client_id}, token => log_in());
	$t->wait_state($id, 'accepted', 'a new one is put there by hand');
};

# What the provider echoes of our secrets is not kept.
subtest 'secrets in answers' => sub {
	my $token = log_in();

	$t->add_docs('echo', status_poll => 'off', mapping => { api_client_id => $secret{api_client_id}, token => $token });
	$sim->script("diadoc send match echo1 next 1 status 400 body token $token of $secret{api_client_id} is odd");
	my $row = $t->wait_state($t->post(comment => 'echo1', server => 'echo'), 'rejected');
	unlike($row->{error}, qr/\Q$token\E|$secret{api_client_id}/, 'not in the error');
	like($row->{error}, qr/is odd/, 'the rest is');
	$sim->script("diadoc login next 1 status 403 body user with $secret{password} is blocked");
	$t->add_docs('echo2', status_poll => 'off');
	$t->post(comment => 'echo2', server => 'echo2');
	like($t->wait_refused('echo2', 'a login that is refused pauses the account'), qr/is blocked/, 'it is told why');
};

subtest 'refresh tokens' => sub {
	my $first = $secret{refresh_token};
	my $before = $t->logins;
	my $id;

	$t->add_docs('oidc', status_poll => 'off', mapping => \%Msgext::Diadoc::by_refresh_token);
	$sim->script('diadoc send next 1 hang');
	$id = $t->post(comment => 'oidc1', server => 'oidc');

	# The token is used no earlier than its successor is kept: a crash at its first use.
	ok(until_true(sub { $t->lines('oidc1') }), 'the document has arrived');
	my ($pid) = slurp_file($t->node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	$t->node->kill9;
	until_true(sub { !kill(0, $pid) });
	until_true(sub { $t->node->start(fail_ok => 1) }) or die 'the cluster did not start again';
	$t->wait_state($id, 'accepted', 'the cluster is killed, and comes back: it is accepted');
	my $second = refresh_token('oidc');
	isnt($second, $first, 'the mapping has another refresh token');
	is($t->logins, $before + 2, 'which was good for the login after the crash');
	is(scalar $t->lines('oidc1'), 1, 'one message');

	$sim->expire;
	post_many('oidc2', 20, 'oidc');
	my $third = refresh_token('oidc');
	isnt($third, $second, 'each login leaves a new one');
	is($t->logins, $before + 3, 'and there is one for all requests');
	is($t->mapping_option('oidc', 'client_secret'), $secret{client_secret}, 'the other options stay');

	# Whoever loses a refresh token has to log in by hand.
	$sim->expire;
	$sim->script('diadoc login next 1 drop-after');
	$id = $t->post(comment => 'oidc3', server => 'oidc');
	my $refused = $sim->summary->{unauthorized};
	like($t->wait_refused('oidc', 'a refresh token whose answer was lost is used up: paused'), qr/invalid_grant: this refresh token was used before/, 'it is told why');
	cmp_ok($sim->summary->{unauthorized} - $refused, '<=', 4, 'it was not tried in a loop');
	is($t->state($id), 'queued', 'the message waits');
	$t->sql("ALTER USER MAPPING FOR PUBLIC SERVER oidc OPTIONS (SET refresh_token '$by_hand')");
	return $id;
};

subtest 'a refresh token in a file' => sub {
	my $own = Msgext::Simulator->new(Msgext::Diadoc::simulator('--diadoc-token-life', 5000));
	my $file = $t->node->basedir . '/refresh_token';
	my %mapping = (%Msgext::Diadoc::by_refresh_token, refresh_token_file => $file);

	append_to_file($file, "$secret{refresh_token}\n");
	chmod 0600, $file;
	delete $mapping{refresh_token};
	$t->add_docs('filed', sim => $own, status_poll => 'off', mapping => \%mapping);
	$t->wait_state($t->post(comment => 'filed', server => 'filed'), 'accepted');
	my $second = slurp_file($file);
	isnt($second, "$secret{refresh_token}\n", 'the file has a new one');
	like($second, qr/^\S+\n$/, 'as a line');
	is((stat $file)[2] & 07777, 0600, 'which nobody else may read');
	ok(!-e "$file.new", 'nothing is left beside it');
	is($t->mapping_option('filed', 'refresh_token'), '', 'and the mapping has none');

	# A life that was told is watched: the next login comes before its end.
	my $n = 0;

	until_true(
		sub {
			$t->post(comment => 'filed', server => 'filed');
			$n++;
			sleep(0.2);
			return $own->summary->{logins} >= 3;
		});
	ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE server = 'filed' AND state = 'accepted'", $n + 1),
		'a token of five seconds lasts for more');
	is($own->summary->{unauthorized}, 0, 'no request went with an old token');
	my $third = slurp_file($file);
	isnt($third, $second, 'and the file has the newest');
	chomp($second, $third);
	@seen{ $second, $third } = ('refresh token') x 2;
	$own->stop;
};

ok($t->wait_sql("SELECT bool_and(state = 'accepted') FROM msgext.message WHERE server = 'oidc'"),
	'a refresh token put there by hand is used');
isnt(refresh_token('oidc'), $by_hand, 'and replaced by its successor');

# Last of all: none of them is where it can be read.
subtest 'secrets' => sub {
	my $log = $t->log;
	my $tables = '';
	my $activity = $t->sql('SELECT string_agg(a::text, chr(10)) FROM pg_stat_activity AS a'
		  . " WHERE pid <> pg_backend_pid()");
	my $processes = `ps -ww -o args --ppid \$(head -1 @{[ $t->node->data_dir ]}/postmaster.pid)`;
	my $ledger = $sim->ledger_text;

	for my $table (split /\n/, $t->sql("SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'v')"
			  . " AND relnamespace = 'msgext'::regnamespace"))
	{
		$tables .= $t->sql("SELECT t::text FROM $table AS t") . "\n";
	}
	cmp_ok(scalar keys %seen, '>=', 10, 'there were ' . (scalar keys %seen) . ' secrets');
	ok(index($tables, unpack 'H*', 'oidc2') >= 0, 'the tables were read, payloads too');
	for my $secret (sort keys %seen)
	{
		my $hex = unpack 'H*', $secret;
		my $base64 = do { require MIME::Base64; MIME::Base64::encode_base64($secret, '') };

		for my $form ($secret, $hex, $base64)
		{
			for my $place ([ 'log', $log ], [ 'tables', $tables ], [ 'pg_stat_activity', $activity ],
				[ 'process titles', $processes ], [ 'ledger', $ledger ])
			{
				fail("$seen{$secret} is in the $place->[0]") if index($place->[1], $form) >= 0;
			}
		}
	}
	pass('none of them is in the log, the tables, pg_stat_activity');
};

unlike($t->log, qr/(?:WARNING|ERROR|PANIC):.*msgext/, 'the log has no complaint of ours');

done_testing();
