# A provider behind nginx, by TLS 1.3: how many handshakes thousands of messages take, over
# HTTP/2 and HTTP/1.1, where connections are kept and where each is ended after 100 requests;
# and answers that nginx gives by itself, before it has read a message.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Msgext::Nginx;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $n = 2000;
my $in_flight = 32;
my $t = Msgext->new('tls', server => 0);
my $dir = $t->node->basedir;
my $provider = $t->sim->port;
my %port = map { $_ => PostgreSQL::Test::Cluster::get_free_port() } qw(kept closing busy);

Msgext::Nginx::certificate($dir);
Msgext::Nginx->start($dir, <<HTTP);
    log_format handshakes '\$server_protocol \$connection \$ssl_session_reused';
    upstream provider {
        server 127.0.0.1:$provider;
        keepalive 64;
    }
    ssl_certificate $dir/tls.crt;
    ssl_certificate_key $dir/tls.key;
    ssl_protocols TLSv1.3;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_next_upstream off;
    server {
        listen 127.0.0.1:$port{kept} ssl http2;
        keepalive_requests 1000000;
        access_log $dir/kept.log handshakes;
        location / { proxy_pass http://provider; }
    }
    server {
        listen 127.0.0.1:$port{closing} ssl http2;
        keepalive_requests 100;
        access_log $dir/closing.log handshakes;
        location / { proxy_pass http://provider; }
    }
    server {
        listen 127.0.0.1:$port{busy} ssl http2;
        access_log off;
        location / { return 429; }
    }
HTTP
ok(until_true(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port{busy}) }), 'nginx is there');

my $first = 79990000000;
my $sent = 0;

# Sends n messages through one of nginx's ports. Of the connections that they took, how many
# there were, and how many began with a whole handshake.
sub handshakes
{
	my ($where, $version, $protocol) = @_;
	my $server = $where . ($version eq 'auto' ? '_http2' : '_http1');
	my %began;

	truncate("$dir/$where.log", 0) if -e "$dir/$where.log";
	$t->add_server($server,
		url => "https://localhost:$port{$where}/devino",
		ca_file => "$dir/tls.crt",
		http_version => $version,
		max_in_flight => $in_flight,
		status_poll => 'off');
	$t->send_many($n, $first + $sent, server => $server);
	$sent += $n;
	ok( $t->wait_sql("SELECT count(*) FROM msgext.message WHERE state NOT IN ('queued', 'sending')", $sent),
		"$where, $protocol: all have gone");
	my @lines = split /\n/, slurp_file("$dir/$where.log");
	is(scalar(grep { !/^\Q$protocol\E / } @lines), 0, "by $protocol");
	for (@lines)
	{
		my (undef, $connection, $resumed) = split / /;
		$began{$connection} //= $resumed;
	}
	return (scalar keys %began, scalar grep { $_ ne 'r' } values %began);
}

my ($connections, $whole) = handshakes('kept', 'auto', 'HTTP/2.0');
is($connections, 1, 'one connection for all');
($connections, $whole) = handshakes('kept', '1.1', 'HTTP/1.1');
cmp_ok($connections, '<=', $in_flight, 'as many as there are requests under way');

# Those that begin while the first is still being made cannot resume its session.
($connections, $whole) = handshakes('closing', 'auto', 'HTTP/2.0');
cmp_ok($connections, '<=', $n / 100 * 4, 'not many more connections than there must be');

# With libcurl 8.14 of Debian 13 none is resumed: docs/architecture.md, "What TLS costs".
my $resumes = `curl-config --version` =~ /^libcurl 7[.]/;
cmp_ok($whole, '<=', $resumes ? 1 : $connections, 'one handshake, then sessions are resumed');
($connections, $whole) = handshakes('closing', '1.1', 'HTTP/1.1');
cmp_ok($connections, '<=', $n / 100 + $in_flight, 'as many as there must be');
cmp_ok($whole, '<=', $resumes ? $in_flight : $connections, 'sessions are resumed');

is($t->sql("SELECT state, count(*) FROM msgext.message GROUP BY 1"), "accepted|$sent", 'none is unknown');
my $counts = $t->sim->counts;
is(scalar keys %$counts, $sent, 'the provider has each');
is(scalar(grep { $_ != 1 } values %$counts), 0, 'once');

# Over HTTP/2 nginx answers, and ends the stream, while the message is still on its way.
$t->add_server('busy',
	url => "https://localhost:$port{busy}/devino",
	ca_file => "$dir/tls.crt",
	max_attempts => 1,
	status_poll => 'off');
$t->send_many(20, $first + $sent, server => 'busy');
ok( $t->wait_sql("SELECT count(*) FROM msgext.message WHERE server = 'busy' AND state NOT IN ('queued', 'sending')", 20),
	'answers before a message has been read');
is($t->sql("SELECT DISTINCT state FROM msgext.message WHERE server = 'busy'"), 'failed', 'are answers');

done_testing();
