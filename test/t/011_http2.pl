# A provider behind nginx, by HTTP/2 over TLS. It closes its connections after a few
# requests, with a GOAWAY: what that refuses has not been processed (RFC 9113, 8.7).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true);
use Msgext::Nginx;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $n = 1000;
my $t = Msgext->new('http2', server => 0);
my $dir = $t->node->basedir;
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $provider = $t->sim->port;

Msgext::Nginx::certificate($dir);
Msgext::Nginx->start($dir, <<HTTP);
    log_format version '\$server_protocol';
    access_log $dir/access.log version;
    upstream provider {
        server 127.0.0.1:$provider;
        keepalive 64;
    }
    server {
        listen 127.0.0.1:$port ssl http2;
        ssl_certificate $dir/tls.crt;
        ssl_certificate_key $dir/tls.key;
        keepalive_requests 20;
        location / {
            proxy_pass http://provider;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_next_upstream off;
        }
    }
HTTP
ok(until_true(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }), 'nginx is there');

$t->add_server('vk',
	url => "https://localhost:$port/devino",
	ca_file => "$dir/tls.crt",
	http_version => '2',
	timeout => '30 s',
	connect_timeout => '30 s',
	max_in_flight => 64,
	status_poll => 'off');
$t->send_many($n, 79990000000);
ok($t->wait_sql("SELECT count(*) FROM msgext.message WHERE state NOT IN ('queued', 'sending')", $n), 'all have gone');
is($t->sql("SELECT state, count(*) FROM msgext.message GROUP BY 1"), "accepted|$n", 'and none is unknown');
my $counts = $t->sim->counts;
is(scalar keys %$counts, $n, 'the provider has each');
is(scalar(grep { $_ != 1 } values %$counts), 0, 'once');
like(slurp_file("$dir/access.log"), qr/^HTTP\/2\.0$/m, 'by HTTP/2');

done_testing();
