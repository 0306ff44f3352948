# Diadoc: what each answer to PostMessage leads to, that a message is one message there
# however often it is sent, and that its fate is followed to the end.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext qw(until_true quote);
use Msgext::Diadoc;
use Msgext::Soak;
use Test::More;

my $t = Msgext::Diadoc->new('diadoc',
	conf => "restart_after_crash = on\n",
	options => { status_poll => 'off' });
my $sim = $t->sim;
my $word = 'doc1000';

# Seconds between the first and the last answer.
sub waited
{
	my ($id) = @_;

	return $t->sql('SELECT extract(epoch FROM max(at) - min(at)) FROM msgext.message_event'
		  . " WHERE message_id = $id AND kind = 'answer'");
}

# One message that the actions are done to, in their order; returns its word and id.
sub post_under
{
	my (@actions) = @_;

	$word++;
	$sim->script(map { "diadoc send match $word next 1 $_" } @actions);
	return ($word, $t->post(comment => $word));
}

# The other side has it once, and by the id that we know.
sub is_one
{
	my ($name, $id, $repeats) = @_;
	my @lines = $t->lines($name);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(scalar @lines, 1, 'one message in the ledger');
	is($lines[0]{id}, $t->status($id, 'provider_id'), 'with the id that our tables have');
	is($lines[0]{repeats} // 0, $repeats, "repeated $repeats times") if defined $repeats;
	return;
}

# The provider names no time: 15 s are waited, while the other tests run.
my ($slow_word, $slow) = post_under('status 204 body ');

subtest 'one document' => sub {
	my $id = $t->post(comment => 'doc0001', custom_id => 'order-17');
	my $row = $t->wait_state($id, 'accepted');
	my ($line) = $t->lines('doc0001');

	is_one('doc0001', $id, 0);
	is($row->{attempts}, 1, 'one attempt');
	is($row->{error}, undef, 'no error');
	is($row->{provider}, 'diadoc', 'provider');
	like($row->{provider_id}, qr/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'MessageId');
	is($line->{to}, Msgext::Diadoc::TO, 'to the box');
	is($line->{body}{documents}[0]{file_name}, 'file.txt', 'metadata');
	is($line->{body}{documents}[0]{md5}, $t->sql("SELECT md5('content')"), 'content');
	is($row->{detail}{message_id}, $row->{provider_id}, 'detail: message_id');
	is($row->{detail}{box}, 'db32dd5c-5d5b-4b7a-9f3e-1c2d3e4f5a6b', 'the box as the message names it');
	is(scalar @{ $row->{detail}{documents} }, 1, 'one document, signatures and unknown entities are none');
	is($row->{detail}{documents}[0]{custom_document_id}, 'order-17', 'its own id comes back');
	like($row->{detail}{trace_id}, qr/^[0-9a-f-]{36}$/, 'trace id, for their support');
	cmp_ok(abs($t->sql("SELECT extract(epoch FROM now() - (detail->>'created_at')::timestamptz)"
				  . " FROM msgext.message_status($id)")), '<', 60, 'ticks are a time');
};

# An answer with Retry-After: the operation goes on, and is asked for again.
subtest 'not finished' => sub {
	my @cases = (
		map({ [ "retry-after 1 $_", 1 ] } 200, 202, 204, 409, 429, 503),
		map({ [ "status $_ retry-after 1", 0 ] } 409, 429, 503, 500));
	my @posted = map { [ post_under($_->[0]) ] } @cases;

	for my $i (0 .. $#cases)
	{
		my ($name, $id) = @{ $posted[$i] };
		my $row = $t->wait_state($id, 'accepted', "$cases[$i][0]: accepted");

		is($row->{attempts}, 2, 'at the second attempt');
		is($t->outbox($id, 'failures'), 0, 'the first did not count');
		cmp_ok(waited($id), '>=', 1, 'when it was told');
		is_one($name, $id, $cases[$i][1]);
	}
};

# Nobody knows whether it arrived: the same once more, by the same operation id.
subtest 'may have arrived' => sub {
	my @cases = (
		[ 'taken-status 500', 1, '500' ],
		[ 'taken-status 502', 1, '502' ],
		[ 'taken-status 503', 1, '503' ],
		[ 'taken-status 504', 1, '504' ],
		[ 'taken-status 408', 1, '' ],
		[ 'taken-html', 1, 'MessageId' ],
		[ 'taken-garbage 300', 1, '' ],
		[ 'reset-mid-body', 1, '' ],
		[ 'drop-after', 1, '' ],
		[ 'hang', 1, 'timed out|timeout' ],
		[ 'huge 80', 1, '' ],
		[ 'drop-before', 0, '' ],
		[ 'status 500 body Internal error', 0, 'Internal error' ],
		[ 'status 503', 0, '503' ],
		[ 'html', 0, 'MessageId' ],
		[ 'garbage 300', 0, '' ],
		[ 'empty', 0, 'empty' ],
		[ 'status 200 body ok', 0, 'MessageId' ]);
	my @posted;

	$t->set_option('docs', timeout => '3 s');
	@posted = map { [ post_under($_->[0]) ] } @cases;
	for my $i (0 .. $#cases)
	{
		my ($action, $taken, $error) = @{ $cases[$i] };
		my ($name, $id) = @{ $posted[$i] };
		my $row = $t->wait_state($id, 'accepted', "$action: accepted");

		is($row->{attempts}, 2, 'at the second attempt');
		like($t->sql("SELECT coalesce(error, '') FROM msgext.message_event WHERE message_id = $id"
				  . " AND kind = 'answer' ORDER BY at LIMIT 1"),
			qr/$error/, 'the first tells why')
		  if $error ne '';
		is_one($name, $id, $taken);
	}
	$t->set_option('docs', timeout => $Msgext::fast{timeout});
};

subtest 'throttled' => sub {
	my ($name, $id) = post_under('status 429', 'status 429');
	my $row = $t->wait_state($id, 'accepted', '429 without a time: backoff');

	is($row->{attempts}, 3, 'until it is taken');
	is($t->outbox($id, 'maybe_sent'), 'f', 'it cannot have arrived before');
	is_one($name, $id, 0);
};

subtest 'rejected' => sub {
	my @cases = (
		[ 'code Http.BadRequest Required field FromBoxId is missing', 'Http.BadRequest', 'FromBoxId' ],
		[ 'code DocumentService.InvalidFileContent odd', 'DocumentService.InvalidFileContent', 'odd' ],
		[ 'code Http.Conflict Only from counteragents', 'Http.Conflict', 'Only from' ],
		[ 'status 400', undef, '400' ],
		[ 'status 409 body Duplicate', undef, 'Duplicate' ],
		[ 'inner DocumentService.InvalidDocumentType', 'DocumentService.InvalidDocumentType', 'refused' ]);

	for my $case (@cases)
	{
		my ($action, $code, $error) = @$case;
		my ($name, $id) = post_under($action);
		my $row = $t->wait_state($id, 'rejected', "$action: rejected");

		is($row->{code}, $code, 'with its code');
		like($row->{error}, qr/$error/, 'and its text');
		is($row->{attempts}, 1, 'at once');
		is(scalar $t->lines($name), 0, 'nobody has it');
	}
	is($t->server('paused', 'docs'), 'f', 'the server goes on');
};

# The answer was lost, and what refuses the repeat is no word about the message: they have it.
subtest 'the repeat is refused' => sub {
	for my $refusal ('status 409 body Duplicate', 'code Http.Conflict Only from counteragents', 'status 400')
	{
		my ($name, $id) = post_under('taken-status 500', $refusal);

		is($t->wait_state($id, 'unknown', "$refusal: unknown")->{attempts}, 2, 'at the second attempt');
		is(scalar $t->lines($name), 1, 'for the other side has it');
		is($t->sql("SELECT msgext.retry_message($id)"), 't', 'a person may send it again');
		$t->wait_state($id, 'accepted');
		is_one($name, $id);
	}
};

# Concerns every message of the server: they wait.
subtest 'paused' => sub {
	my @cases = (
		[ 'status 402 body The subscription is over', 'subscription' ],
		[ 'code DiadocApi.Forbidden The box is not yours', 'DiadocApi.Forbidden: The box' ],
		[ 'code DocumentService.EmployeeCannotSignDocuments no', 'EmployeeCannotSign' ],
		[ 'status 403', '403' ],
		[ 'status 405', '405' ],
		[ 'status 410 body Gone', 'Gone' ],
		[ 'status 415 body No form please', 'No form' ]);

	for my $case (@cases)
	{
		my ($action, $reason) = @$case;
		my ($name, $id) = post_under($action);

		ok($t->wait_sql("SELECT paused FROM msgext.server_status WHERE server = 'docs'"), "$action: paused");
		like($t->server('pause_reason', 'docs'), qr/\Q$reason\E/, 'the reason is told');
		is($t->state($id), 'queued', 'the message stays queued');
		$t->sql("SELECT msgext.resume_server('docs')");
		$t->wait_state($id, 'accepted', 'and goes when the server is resumed');
		is_one($name, $id, 0);
	}
};

subtest 'limit of documents' => sub {
	my @documents =
	  map { Msgext::Diadoc::document(comment => 'doc0041', custom_id => "n$_") } 1 .. 41;
	my $id;

	like($t->error('SELECT ' . Msgext::Diadoc::post_sql(documents => \@documents)),
		qr/22023.*DocumentService\.TooManyDocuments/s, 'more than 40 are refused before they are queued');
	$t->add_docs('wide', max_documents => 100);
	$id = $t->post(documents => \@documents, server => 'wide');
	my $row = $t->wait_state($id, 'rejected', 'above its own limit the provider has the last word');
	is($row->{code}, 'DocumentService.TooManyDocuments', 'with its code');
	like($row->{error}, qr/41.*40/, 'count and limit');
	pop @documents;
	$t->wait_state($t->post(documents => \@documents), 'accepted', '40 are taken');
	is(scalar @{ ($t->lines('doc0041'))[0]{body}{documents} }, 40, 'and arrive');
};

subtest 'answers lost, worker killed' => sub {
	my $name = ++$word;
	my $id;

	$sim->script("diadoc send match $name next 2 drop-after",
		"diadoc send match $name next 1 hang",
		"diadoc send match $name next 2 drop-after");
	$t->set_option('docs', timeout => '60 s');
	$id = $t->post(comment => $name);
	ok(until_true(sub { ((($t->lines($name))[0] // {})->{repeats} // 0) == 2 }), 'two answers are lost, the third is on its way');
	Msgext::Soak::kill_something($t, 0);
	ok(Msgext::Soak::wait_until_up($t), 'the worker is killed and comes back');
	my $row = $t->wait_state($id, 'accepted', 'after five lost answers it is accepted');
	is($row->{attempts}, 6, 'at the sixth attempt');
	is_one($name, $id, 5);
	is($t->sql("SELECT count(*) FROM msgext.reference WHERE message_id = $id"), 1, 'one id in our tables');
	is($t->sql("SELECT string_agg(DISTINCT kind, ' ') FROM msgext.message_event WHERE message_id = $id"
			  . " AND kind = 'interrupted'"), 'interrupted', 'the kill is in the timeline');
	$t->set_option('docs', timeout => $Msgext::fast{timeout});
};

subtest 'equal documents' => sub {
	my @ids = map { $t->post(comment => 'doc0050') } 1 .. 2;
	my @lines;

	$t->wait_state($_, 'accepted') for @ids;
	@lines = $t->lines('doc0050');
	is(scalar @lines, 2, 'two equal documents, posted on purpose, are two');
	is($lines[0]{body}{md5}, $lines[1]{body}{md5}, 'byte by byte the same');
	isnt($lines[0]{body}{operation_id}, $lines[1]{body}{operation_id}, 'by operation ids of their own');
	isnt($t->status($ids[0], 'provider_id'), $t->status($ids[1], 'provider_id'), 'with ids of their own');
};

subtest 'operation_id' => sub {
	my %args = (comment => 'doc0051', operation_id => "'order 51'");
	my $id = $t->post(%args);

	is($t->post(%args), $id, 'a second call with it returns the first message');
	$t->wait_state($id, 'accepted');
	is($t->post(%args), $id, 'also when it was sent');
	like($t->error('SELECT ' . Msgext::Diadoc::post_sql(%args, comment => 'doc0052')),
		qr/23505/, 'with another document it is an error');
	is_one('doc0051', $id, 0);
	like(($t->lines('doc0051'))[0]{body}{operation_id}, qr/^order 51-[0-9a-f]{16}$/, 'the provider knows it by that id');
	is(scalar $t->lines('doc0052'), 0, 'which is not sent');
};

# To the provider an id is one of a box, in whatever letters: what it takes for a repeat is
# never sent, and "accepted" all the same.
subtest 'operation_id: the same for the provider, and not for us' => sub {
	my %args = (operation_id => "'order 52'");
	my $other = Msgext::Diadoc::post_sql(%args, comment => 'doc0055');

	$t->add_docs('other');
	$t->sql('CREATE ROLE other; GRANT USAGE ON SCHEMA msgext TO other; GRANT USAGE ON FOREIGN SERVER docs TO other');
	my @ids = (
		$t->post(%args, comment => 'doc0053'),
		$t->post(comment => 'doc0054', operation_id => "'Order 52'"),
		$t->sql("SET ROLE other; SELECT $other"),
		$t->post(%args, comment => 'doc0056', server => 'other'));

	$t->wait_state($_, 'accepted') for @ids;
	is_one("doc005$_", $ids[ $_ - 3 ], 0) for 3 .. 6;
};

subtest 'documents of several MB' => sub {
	my @sizes = (163840, 98304, 1);
	my @documents = map {
		Msgext::Diadoc::document(comment => 'doc0060', custom_id => "n$_", part => $_)
	} 1 .. 3;
	my $id;

	$t->sql('CREATE TABLE file AS SELECT n, (SELECT string_agg(sha256((n || i::text)::bytea), NULL ORDER BY i)'
		  . ' FROM generate_series(1, blocks) AS i) AS bytes FROM unnest(ARRAY['
		  . join(',', @sizes) . ']) WITH ORDINALITY AS s (blocks, n)');
	$id = $t->post(documents => \@documents, parts => '(SELECT array_agg(bytes ORDER BY n) FROM file)');
	$t->wait_state($id, 'accepted');
	my ($line) = $t->lines('doc0060');

	is(join(' ', map { "$_->{length} $_->{md5}" } @{ $line->{body}{documents} }),
		$t->sql("SELECT string_agg(length(bytes) || ' ' || md5(bytes), ' ' ORDER BY n) FROM file"),
		'each arrives as it is in the table: length and digest');
	is(join(' ', $line->{body}{length}, $line->{body}{md5}),
		$t->outbox($id, "length(payload) || ' ' || md5(payload)"), 'and so does the whole');
	is_one('doc0060', $id, 0);
};

my $row = $t->wait_state($slow, 'accepted', '204 without Retry-After: asked for again');
cmp_ok(waited($slow), '>=', 15, 'after 15 s, as the provider\'s own libraries do');
is($t->outbox($slow, 'failures'), 0, 'it does not count as failed');
is_one($slow_word, $slow, 0);

is($t->server('queued + in_flight + unknown', 'docs'), 0, 'nothing hangs, nothing is unknown');
is($t->logins, 4, 'one login a server and worker: docs, other, wide, and docs after the kill');
unlike($t->log, qr/(?:WARNING|ERROR|PANIC):.*msgext/, 'the log has no complaint of ours');

done_testing();
