# Standard Webhooks, against somebody else's library: standardwebhooks of npm verifies what is
# sent, and signs what comes in.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run qw(run start);
use Msgext qw(quote);
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir('standardwebhooks');

for my $program (qw(node npm))
{
	plan skip_all => "$program is not installed" if !eval { run([ $program, '--version' ], '>', \my $out, '2>', \my $err) };
}
{
	local $ENV{HOME} = $dir;
	# Where there is no network that is known at once, and not after three attempts.
	my $ok = run([ 'npm', 'install', '--prefix', $dir, '--no-audit', '--no-fund', '--ignore-scripts', '--fetch-retries=0',
			'--fetch-timeout=30000', 'standardwebhooks@1.1.1' ], '>', \my $out, '2>', \my $err);

	plan skip_all => "npm cannot get standardwebhooks: $err" if !$ok;
}

# Verifies by the secret that the path names; prints what it takes. GET /sign: an event's fields.
append_to_file("$dir/endpoint.js", <<'JS');
const { Webhook } = require('standardwebhooks');
const [, , ...secrets] = process.argv;
const server = require('http').createServer((request, response) => {
    const chunks = [];
    request.on('data', chunk => chunks.push(chunk));
    request.on('end', () => {
        try {
            const hook = new Webhook(secrets[Number(request.url.slice(1))]);
            const event = hook.verify(Buffer.concat(chunks).toString('utf8'), request.headers);
            console.log('taken ' + request.url + ' ' + JSON.stringify(event));
            response.writeHead(204).end();
        } catch (error) {
            console.log('refused ' + request.url + ' ' + error.message);
            response.writeHead(401).end();
        }
    });
});
server.listen(0, '127.0.0.1', () => console.log('listening on ' + server.address().port));
JS
append_to_file("$dir/sign.js", <<'JS');
const { Webhook } = require('standardwebhooks');
const [, , secret, id, age, body] = process.argv;
const at = new Date(Date.now() - 1000 * age);
console.log(JSON.stringify({ 'webhook-id': id, 'webhook-timestamp': String(Math.floor(at / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, at, body) }));
JS

my @secrets = qw(whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_bmV3IHNlY3JldCBvZiB0aGlydHktdHdvIGJ5dGVz
  whsec_YW5vdGhlciBzZWNyZXQgb2Ygc29tZWJvZHkgZWxzZQ==);
my ($in, $out) = ('', '');
my $endpoint = start([ 'node', "$dir/endpoint.js", @secrets ], '<', \$in, '>', \$out, IPC::Run::timeout($Msgext::patience));

$endpoint->pump until $out =~ /listening on (\d+)\n/;
my $port = $1;
my $t = Msgext->new('standardwebhooks', server => 0);

# A server for each of the endpoint's secrets; we sign by the first two.
sub add_hook
{
	my ($n) = @_;

	$t->sql("CREATE SERVER hook$n FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:$port/$n',"
		  . " signature 'standard'); CREATE USER MAPPING FOR PUBLIC SERVER hook$n OPTIONS (signing_secret "
		  . quote("$secrets[1] $secrets[0]") . ', callback_secret ' . quote($secrets[0]) . ')');
	return;
}

add_hook($_) for 0 .. 2;
for my $n (0, 1)
{
	my $id = $t->sql("SELECT msgext.send_webhook('hook$n', 'order.paid', '{\"name\": \"\x{d0}\x{90}\x{d0}\x{bd}\x{d0}\x{bd}\x{d0}\x{b0}\", \"total\": 1.50}')");

	$t->wait_state($id, 'delivered', "secret $n: what we sign is taken");
	$endpoint->pump until $out =~ m{^taken /$n (.*)}m;
	like($1, qr/"type":"order.paid"/, 'as it was sent');
}
my $refused = $t->sql("SELECT msgext.send_webhook('hook2', 'order.paid', '{}')");
ok($t->wait_sql("SELECT status = 401 FROM msgext.response($refused)"), 'a secret that is none of ours: it refuses us');
$endpoint->pump until $out =~ m{^refused /2 (.*)}m;
like($1, qr/signature/i, 'for the signature');

# The other way round.
sub receive
{
	my ($secret, $id, $age, $signed, $body) = @_;

	run([ 'node', "$dir/sign.js", $secret, $id, $age, $signed ], '>', \my $headers) or die 'sign.js failed';
	return $t->error("SELECT msgext.receive_callback('hook0', convert_to(" . quote($body // $signed) . ", 'UTF8'), "
		  . quote($headers) . ')');
}

my $body = '{"type": "invoice.paid", "data": {"id": 5}}';
is(receive($secrets[0], 'msg_1', 0, $body), '', 'what it signs is taken');
is($t->sql("SELECT push_id, type, payload->'data'->>'id' FROM msgext.inbox"), 'msg_1|invoice.paid|5', 'and is a push');
isnt(receive($secrets[2], 'msg_2', 0, $body), '', 'not by another secret');
isnt(receive($secrets[0], 'msg_2', 600, $body), '', 'nor ten minutes later');
isnt(receive($secrets[0], 'msg_2', 0, $body, "$body "), '', 'nor with another body');
is($t->sql('SELECT count(*) FROM msgext.inbox'), 1, 'one push in all');

$endpoint->kill_kill;
done_testing();
