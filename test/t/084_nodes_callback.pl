# Callbacks where several nodes send over one account: a report that comes to a node without
# its message is answered with 421, by which a proxy knows to ask the next one.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Msgext::Listener;
use Msgext::Nginx;
use PostgreSQL::Test::Cluster;
use Test::More;

my $path = '/vk/Hook-of-many-nodes-1';
my (@nodes, @listeners);

for my $i (1, 2)
{
	my $t = Msgext->new("node$i",
		conf => "msgext.node = $i\n",
		options => {
			status_poll => 'off',
			mapping => { login => 'tester', password => '111111', callback_token => substr($path, 4) }
		},
		@nodes ? (sim => $nodes[0]->sim) : ());

	push @nodes, $t;
	push @listeners, Msgext::Listener->new($t);
}

my ($one, $two) = @listeners;

sub report
{
	my ($provider_id, $status) = @_;

	return qq([{"providerId":$provider_id,"status":"$status","time":"2026-01-01 12:00:00"}]);
}

sub accepted
{
	my ($t) = @_;
	my $id = $t->send;

	return ($id, $t->wait_state($id, 'accepted')->{provider_id});
}

sub status { return $_[0] ? $_[0]->[0] : 'none' }

ok($_->wait, 'it listens') for @listeners;

subtest 'a report at the other node' => sub {
	my ($id, $provider_id) = accepted($nodes[1]);
	my $report = report($provider_id, 'DELIVERED');

	is(status($one->post($path, $report)), 421, 'is misdirected');
	is(status($one->post($path, $report)), 421, 'and when it comes again');
	is(status($two->post($path, $report)), 200, 'its own node takes it');
	is($nodes[1]->state($id), 'delivered', 'and applies it');
	is(status($two->post($path, $report)), 200, 'a repeat is none of another node');
};

subtest 'reports of both nodes in one push' => sub {
	my @ids = map { [ accepted($_) ] } @nodes;
	my $reports = '[' . join(',', map { substr report($_->[1], 'DELIVERED'), 1, -1 } @ids) . ']';

	is(status($one->post($path, $reports)), 421, 'the other one is to hear of it');
	is($nodes[0]->state($ids[0][0]), 'delivered', 'what is its own is applied');
	is(status($two->post($path, $reports)), 421, 'so says the other one');
	is($nodes[1]->state($ids[1][0]), 'delivered', 'of its own, too');
};

subtest 'a report before its message is known' => sub {
	my $t = $nodes[0];

	$t->sim->latency(60000);
	my $id = $t->send(phone => 79990000777);
	until_true(sub { $t->sim->ledger(79990000777) });
	my ($line) = $t->sim->ledger(79990000777);

	is(status($one->post($path, report($line->{id}, 'DELIVERED'))), 421, 'looks like one of another node');
	$t->sim->latency(0);
	$t->sim->release;
	$t->wait_state($id, 'delivered', 'but is kept and found');
};

subtest 'nginx asks the next one' => sub {
	plan skip_all => 'nginx is not installed' if !Msgext::Nginx::installed();

	my ($id, $provider_id) = accepted($nodes[1]);
	my ($own, $own_id) = accepted($nodes[0]);
	my $dir = $nodes[0]->node->basedir;
	my $port = PostgreSQL::Test::Cluster::get_free_port();

	my $nginx = Msgext::Nginx->start($dir, <<HTTP);
    access_log off;
    server {
        listen 127.0.0.1:$port;
        location / {
            proxy_pass ${\ $one->url};
            proxy_intercept_errors on;
            error_page 421 = \@second;
        }
        location \@second {
            proxy_pass ${\ $two->url};
        }
    }
HTTP
	my $front = bless { %$one, port => $port }, 'Msgext::Listener';

	ok(until_true(sub { defined $front->connect }), 'nginx listens');
	is(status($front->post($path, report($provider_id, 'READ'))), 200, 'a report of the second node');
	is($nodes[1]->state($id), 'read', 'arrives there');
	is(status($front->post($path, report($own_id, 'READ'))), 200, 'a report of the first one');
	is($nodes[0]->state($own), 'read', 'goes no further');
	is(status($front->post($path, report(1, 'READ'))), 421, 'nobody has this one');
	$nginx->stop;
};

done_testing();
