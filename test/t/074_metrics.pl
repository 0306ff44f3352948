# GET /metrics: who may have it, that it is OpenMetrics and true, and that Debian's Prometheus,
# the alert rules and the dashboard of contrib can live with it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Cwd ();
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP ();
use Msgext qw(until_true);
use Msgext::Listener;
use Msgext::OpenMetrics;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $token = 'Metrics-for-the-watcher-1';
my $t = Msgext->new('metrics', options => { status_poll => 'off' });
my $dir = $t->node->basedir;
my $file = "$dir/metrics.token";
my $contrib = Cwd::abs_path("$FindBin::RealBin/../../contrib");

sub write_token
{
	my ($text) = @_;

	unlink $file;
	append_to_file($file, $text);
	chmod 0600, $file or die $!;
	return;
}

# Not Msgext::Listener's way: no role, so that there is nothing but metrics.
my $l = bless { t => $t, port => PostgreSQL::Test::Cluster::get_free_port(), database => 'postgres' }, 'Msgext::Listener';

# Status, body and head; 0 where there is no answer.
sub get
{
	my ($given, @more) = @_;

	return $l->request('GET', '/metrics', undef, defined $given ? "Authorization: Bearer $given" : (), @more) // [ 0, '', '' ];
}

sub metrics
{
	return Msgext::OpenMetrics->new(get($token)->[1]);
}

# True once the metric has that value.
sub wait_value
{
	my ($value, @metric) = @_;

	return until_true(sub { my $found = metrics()->value(@metric); return defined $found && $found == $value; });
}

write_token("$token\n");
$l->set(listen_port => $l->{port}, metrics_token_file => $file);
ok($l->wait, 'it listens without a role for callbacks');

subtest 'who may' => sub {
	my $log = slurp_file($t->node->logfile);
	my ($status, $out, $err);

	for my $given (undef, '', 'x', substr($token, 0, -1), "${token}x", lc $token, 'x' x 3000)
	{
		my $answer = get($given);

		is($answer->[0], 401, (defined $given ? substr($given, 0, 30) : 'nobody') . ' may not');
		like($answer->[2], qr/^WWW-Authenticate: Bearer\r$/m, 'and is told how');
		is($answer->[1], '', 'and nothing else');
	}
	is($l->request('GET', '/metrics', undef, 'Authorization: Basic ' . $token)->[0], 401, 'nor by another scheme');
	is($l->request('POST', '/metrics', 'x', "Authorization: Bearer $token")->[0], 404, 'POST is for callbacks');
	is($l->request('POST', '/vk/anything-at-all-1', '[]')->[0], 404, 'of which there are none');
	is(get($token)->[0], 200, 'who has the token may');
	like(get($token)->[2], qr/^Content-Type: application\/openmetrics-text; version=1\.0\.0; charset=utf-8\r$/m,
		'and gets OpenMetrics');
	unlike(slurp_file($t->node->logfile), qr/Metrics-for-the-watcher/, 'the token is in no log');
	$t->sql('CREATE ROLE stranger LOGIN');
	($status, $out, $err) = $t->node->psql('postgres', 'SHOW msgext.metrics_token_file', extra_params => [ '-U', 'stranger' ]);
	isnt($status, 0, 'where it is, is for superusers');
	($status, $out, $err) = $t->node->psql('postgres', "SET msgext.metrics_token_file = '/etc/passwd'", extra_params => [ '-U', 'stranger' ]);
	like($err, qr/permission denied/, 'who alone may say it');
	like($t->error("SET msgext.metrics_token_file = 'here'"), qr/22023.*absolute path/s, 'by an absolute path');
};

subtest 'what it says' => sub {
	my $odd = "a \"b\\c\nd";
	my $m;

	$t->post_repeatedly(Msgext::send_sql(phone => 79990000101), 3, 'accepted');
	$t->add_server('"' . $odd =~ s/"/""/gr . '"');
	ok(wait_value(3, 'msgext_messages_accepted_total', server => 'vk'), 'three were accepted');
	$m = metrics();
	is(join("\n", $m->faults), '', 'it is OpenMetrics');
	is($m->value('msgext_server_info', server => $odd, provider => 'devino'), 1, 'a server may have any name');
	is($m->value('msgext_messages_queued_total', server => 'vk'), 3, 'queued');
	is($m->value('msgext_requests_total', server => 'vk'), 3, 'requests');
	is($m->value('msgext_request_seconds_count', server => 'vk'), 3, 'each with its time');
	is($m->value('msgext_wait_seconds_bucket', server => 'vk', le => '+Inf'), 3, 'and its wait');
	is($m->value('msgext_messages_queued_total', server => $odd), 0, 'what has not happened is 0');
	is($m->value('msgext_queue_messages', server => 'vk'), 0, 'nothing waits');
	is($m->value('msgext_worker_up'), 1, 'the worker is there');
	is($m->value('msgext_held'), 0, 'and works');
	is($m->value('msgext_database_info', database => 'postgres'), 1, 'the database has a name');
	cmp_ok($m->value('msgext_process_turns_total', process => 'dispatcher'), '>', 0, 'turns were taken');
	cmp_ok(abs($m->value('msgext_last_success_timestamp_seconds', server => 'vk') - time()), '<', 600, 'the last success');
	is(
		$t->sql("SELECT count(*) FROM msgext.pg_stat_msgext s, regexp_matches(msgext.metrics(),"
			  . " 'msgext_(?:messages_)?(requests|accepted|queued|callbacks)_total\\{server=\"vk\"\\} (\\d+)', 'g') m"
			  . " WHERE server = 'vk' AND (to_jsonb(s) ->> m[1]) = m[2]"),
		4,
		'metrics() says the same as the view');
	is($t->sql("SET SESSION AUTHORIZATION stranger; SELECT msgext.metrics() ~ 'server=|process='"),
		'f', 'to a stranger it tells of no server');
	$t->sql("SELECT msgext.pause_server('vk', 'a secret of the provider')");
	$t->send(phone => 79990000102);
	ok(wait_value(1, 'msgext_paused', server => 'vk'), 'a pause is seen');
	ok(wait_value(1, 'msgext_queue_messages', server => 'vk'), 'and what waits for its end');
	cmp_ok(metrics()->value('msgext_queue_age_seconds', server => 'vk'), '>', 0, 'with its age');
	unlike(get($token)->[1], qr/secret/, 'why, it does not say');
};

subtest 'consumers' => sub {
	my $owner = $t->sql('SELECT current_user');
	my %late = (consumer => 'late "one"', owner => $owner);
	my %broken = (consumer => 'broken', owner => $owner);

	$t->sql("SELECT msgext.create_consumer('late \"one\"', after => 0)");
	ok(wait_value(3, 'msgext_consumer_unread_events', %late), 'what a consumer has not passed');
	cmp_ok(metrics()->value('msgext_consumer_lag_seconds', %late), '>', 0, 'and since when');
	is(metrics()->value('msgext_consumer_failures', %late), 0, 'it cannot fail');
	$t->sql("SELECT msgext.events_done('late \"one\"', max(position)) FROM msgext.events_after('late \"one\"')");
	ok(wait_value(0, 'msgext_consumer_unread_events', %late), 'it has caught up');
	ok(wait_value(0, 'msgext_consumer_lag_seconds', %late), 'with all');
	$t->sql("CREATE FUNCTION fail(jsonb) RETURNS void LANGUAGE plpgsql AS 'BEGIN RAISE \$\$no\$\$; END'");
	$t->sql("SELECT msgext.on_event('broken', 'fail(jsonb)', after => 0)");
	ok(until_true(sub { (metrics()->value('msgext_consumer_failures', %broken) // 0) > 0 }), 'a handler that fails');
	is($t->sql("SET SESSION AUTHORIZATION stranger; SELECT msgext.metrics() ~ 'consumer='"), 'f', 'a stranger sees none');
	$t->sql("SELECT msgext.drop_consumer('broken')");
	ok(until_true(sub { !defined metrics()->value('msgext_consumer_failures', %broken) }), 'what is gone is told no more');
};

# The age of what waits is another one in each page.
subtest 'a page a second' => sub {
	my $begun = time();
	my %ages;
	my $n = 0;
	my $ages = sub {
		my $age = metrics()->value('msgext_queue_age_seconds', server => 'vk');

		$ages{$age} = 1 if defined $age;
		return scalar keys %ages;
	};

	for (; time() < $begun + 3; $n++) { $ages->() }
	cmp_ok(scalar keys %ages, '<=', 5, "$n questions in three seconds cost five pages at most");
	ok(until_true(sub { $ages->() >= 2 }), 'and two at least');
};

subtest 'a table that somebody holds' => sub {
	my $holder = Msgext::Session->new($t->node);

	$holder->must('BEGIN');
	$holder->must('LOCK TABLE msgext.statistic IN ACCESS EXCLUSIVE MODE');
	ok(until_true(sub { get($token)->[0] == 503 }), 'is answered with 503');
	is($l->request('GET', '/health')->[0], 200, 'and holds up nobody for long');
	$holder->must('ROLLBACK');
	ok(until_true(sub { get($token)->[0] == 200 }), 'until it is free');
};

subtest 'the token changes' => sub {
	my $log = -s $t->node->logfile;

	write_token("Another-token-for-the-watcher\n");
	is(get($token)->[0], 200, 'the file is not read each time');
	$t->node->reload;
	ok(until_true(sub { get($token)->[0] == 401 }), 'after a reload the old one counts no more');
	is(get('Another-token-for-the-watcher')->[0], 200, 'but the new one');
	write_token('short');
	$t->node->reload;
	ok(until_true(sub { get($token)->[0] == 405 }), 'one that is too short is none');
	ok($t->node->log_contains(qr/WARNING:  the token of metrics could not be read: it has less than 16 characters/, $log),
		'and the log says so');
	write_token($token);
	$t->node->reload;
	ok(until_true(sub { get($token)->[0] == 200 }), 'the first one again');
	unlink $file;
	$t->node->reload;
	ok(until_true(sub { $t->node->log_contains(qr/could not read the file of msgext.metrics_token_file/, $log) }), 'nor is a missing file');
	write_token($token);
	ok(until_true(sub { get($token)->[0] == 200 }), 'once it is there again, it counts without a word');
};

# ---- contrib ----

my %known = map { $_ => 1 } metrics()->names;
my $dashboard = JSON::PP->new->decode(slurp_file("$contrib/grafana/msgext.json"));
my @queries = map { $_->{expr} } map { @{ $_->{targets} // [] } } @{ $dashboard->{panels} };
my @variables = map { $_->{definition} } grep { $_->{type} eq 'query' } @{ $dashboard->{templating}{list} };
my $alerts = slurp_file("$contrib/prometheus/alerts.yml");
my $expectations = slurp_file("$contrib/prometheus/alerts_test.yml");

subtest 'contrib names what there is' => sub {
	my %used;

	ok(@queries > 30, 'the dashboard asks');
	for my $text (@queries, @variables, $alerts, $expectations)
	{
		$used{$_} = 1 for $text =~ /\b(msgext_[a-z_]+)/g;
	}
	delete $used{msgext_database_info};
	is_deeply([ grep { !$known{$_} } sort keys %used ], [], 'every metric that is asked for exists');
	for my $alert ($alerts =~ /- alert: (\w+)/g)
	{
		like($expectations, qr/alertname: $alert\n +eval_time: \d+m\n +exp_alerts:/, "$alert is tested");
	}
	my %places;
	$places{"$_->{gridPos}{x},$_->{gridPos}{y}"}++ for @{ $dashboard->{panels} };
	is_deeply([ grep { $_ > 1 } values %places ], [], 'no two panels in one place');
};

SKIP:
{
	my ($prometheus) = grep { -x } map { "$_/prometheus" } split(/:/, $ENV{PATH}), '/usr/bin';
	my ($promtool) = grep { -x } map { "$_/promtool" } split(/:/, $ENV{PATH}), '/usr/bin';
	my ($out, $run, $http);

	skip 'prometheus is not installed (Debian: apt-get install prometheus)', 1
	  unless defined $prometheus && defined $promtool;
	mkdir "$dir/prometheus" or die $!;

	# What it lints is the older text, in which the head of a counter names its sample.
	my $text = get($token)->[1];
	$text =~ s/^# (TYPE|HELP) (\w+) (?=counter$)/# $1 $2_total /mg;
	$text =~ s/^# HELP (\w+) /exists $known{"$1_total"} ? "# HELP $1_total " : "# HELP $1 "/mge;
	$text =~ s/^# (TYPE|HELP) (msgext_(?:server|database)) /# $1 $2_info /mg;
	$text =~ s/ info$/ gauge/mg;
	$text =~ s/^# (?:UNIT|EOF).*\n//mg;
	IPC::Run::run([ $promtool, 'check', 'metrics' ], '<', \$text, '>', \$out, '2>&1');
	is($out, '', 'promtool finds no fault with the metrics');

	# The rules as they are; the configuration with our target, token and pace.
	append_to_file("$dir/prometheus/$_", slurp_file("$contrib/prometheus/$_")) for qw(alerts.yml alerts_test.yml);
	my $config = slurp_file("$contrib/prometheus/prometheus.yml");
	$config =~ s/127\.0\.0\.1:8085/127.0.0.1:$l->{port}/ or die;
	$config =~ s/\/etc\/prometheus\/msgext\.token/$file/ or die;
	$config =~ s/_interval: 15s/_interval: 1s/g == 2 or die;
	append_to_file("$dir/prometheus/prometheus.yml", $config);
	IPC::Run::run([ $promtool, 'check', 'config', "$dir/prometheus/prometheus.yml" ], '>', \$out, '2>&1');
	like($out, qr/SUCCESS: 16 rules found/, 'promtool finds no fault with configuration and rules');
	IPC::Run::run([ $promtool, 'test', 'rules', "$dir/prometheus/alerts_test.yml" ], '>', \$out, '2>&1');
	like($out, qr/^\s*SUCCESS\s*\z/m, 'alerts come when they should') or diag($out);

	my $port = PostgreSQL::Test::Cluster::get_free_port();
	$run = IPC::Run::start(
		[
			$prometheus, "--config.file=$dir/prometheus/prometheus.yml", "--storage.tsdb.path=$dir/prometheus/data",
			"--web.listen-address=127.0.0.1:$port"
		],
		'>', "$dir/prometheus/log", '2>&1');
	$http = HTTP::Tiny->new(timeout => 30);
	my $ask = sub {
		my ($path) = @_;
		my $answer = $http->get("http://127.0.0.1:$port/api/v1/$path");

		return $answer->{success} ? JSON::PP->new->decode($answer->{content})->{data} : undef;
	};
	my $query = sub {
		my ($text) = @_;

		return $ask->('query?query=' . join '', map { /\w/ ? $_ : sprintf '%%%02X', ord } split //, $text);
	};
	ok(until_true(sub { my $data = $query->('up{job="msgext"} == 1'); return $data && @{ $data->{result} } }), 'Prometheus scrapes it')
	  or diag(slurp_file("$dir/prometheus/log"));
	is($query->('msgext_messages_accepted_total{server="vk",database="shop"}')->{result}[0]{value}[1], 3, 'and has our numbers');
	ok(
		until_true(
			sub {
				my $data = $ask->('alerts');
				my ($alert) = grep { $_->{labels}{alertname} eq 'MsgextServerPaused' } @{ $data->{alerts} // [] };

				return defined $alert && $alert->{labels}{server} eq 'vk' && $alert->{annotations}{summary} =~ /Server vk is paused/;
			}),
		'the pause is on its way to be an alert');
	is_deeply(
		[ grep { $_->{health} ne 'ok' } map { @{ $_->{rules} } } @{ $ask->('rules')->{groups} } ],
		[], 'every rule can be evaluated');
	for my $expression (@queries)
	{
		my $filled = $expression =~ s/\$__rate_interval/1m/gr;

		$filled =~ s/\$(?:job|instance|server)/.*/g;
		ok(defined $query->($filled), "the dashboard may ask: $expression");
	}
	$run->signal('TERM');
	$run->finish;
}

$t->node->stop;
done_testing();
