# nginx before the listener, for TLS: the configuration of docs/operations.md, tried.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use Msgext qw(until_true);
use Msgext::Listener;
use Msgext::Nginx;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $token = 'Hook-behind-nginx-55';
my $t = Msgext->new('nginx',
	options => {
		status_poll => 'off',
		mapping => { login => 'tester', password => '111111', callback_token => $token }
	});
my $l = Msgext::Listener->new($t);
my $dir = $t->node->basedir;
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $url = "https://localhost:$port/callbacks/vk/$token";

sub curl
{
	my (@args) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'curl', '-s', '--cacert', "$dir/tls.crt", '-o', '/dev/null', '-w', '%{http_code}', @args ],
		'<', \undef, '>', \$out, '2>', \$err);
	return $out;
}

Msgext::Nginx::certificate($dir);
my $listener = $l->port;
Msgext::Nginx->start($dir, <<HTTP);
    access_log $dir/access.log;
    limit_req_zone \$binary_remote_addr zone=callbacks:1m rate=100r/s;
    upstream msgext {
        server 127.0.0.1:$listener;
        keepalive 8;
    }
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $dir/tls.crt;
        ssl_certificate_key $dir/tls.key;
        location /callbacks/ {
            access_log off;
            error_log /dev/null;
            client_max_body_size 1m;
            limit_req zone=callbacks burst=200 nodelay;
            proxy_pass http://msgext/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_next_upstream off;
        }
    }
HTTP

ok($l->wait, 'the listener is there');
ok(until_true(sub { curl("https://localhost:$port/callbacks/health") eq '200' }), 'nginx is before it');

my $id = $t->send(fate => 'sent@86400000');
my $provider_id = $t->wait_state($id, 'accepted')->{provider_id};

is(curl($url, '-d', qq([{"messageId":$provider_id,"status":"DELIVERED"}])), '200', 'a push over TLS');
is($t->state($id), 'delivered', 'is applied');
is(curl("${url}x", '-d', '[]'), '404', 'a wrong token is not');
is(curl($url), '405', 'a GET is not');
is(curl($url, '-d', 'junk'), '400', 'what cannot be read is told to its sender');
is(curl($url, '-d', '[' . ' ' x 100000 . ']'), '200', 'a long one');
is(curl($url, '-H', 'Transfer-Encoding: chunked', '-d', '[]'), '200', 'one in chunks');
is(curl($url, '-H', 'Expect: 100-continue', '-d', '[]'), '200', 'one that asks first');
is(join(' ', map { curl($url, '-d', '[]') } 1 .. 5), '200 200 200 200 200', 'several');

# While the listener is away, nginx tells the sender to come again.
my $pid = $l->pid;
$l->set(listen_port => undef);
ok($l->wait_closed, 'the listener is closed');
is(curl($url, '-d', '[]'), '502', 'its callbacks are refused for now');
$l->set(listen_port => $listener);
ok($l->wait, 'back again');
ok(until_true(sub { curl($url, '-d', '[]') eq '200' }), 'they are taken');

for my $file (glob("$dir/*.log"), "$dir/nginx.out")
{
	unlike(slurp_file($file), qr/\Q$token\E/, 'no token is in ' . ($file =~ s/.*\///r)) if -e $file;
}

done_testing();
