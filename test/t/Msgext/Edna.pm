# Messages by edna's packets: servers, messages, and what the simulator's ledger says of
# them.
#
#   my $e = Msgext::Edna->new('main');              cluster, simulator, server sms
#   my $id = $e->post(address => 79990000001, content => 'hello');
#   is(scalar $e->lines(79990000001), 1, 'it arrived once');
package Msgext::Edna;

use strict;
use warnings;

use parent -norequire, 'Msgext';

use HTTP::Tiny;
use JSON::PP ();
use Msgext qw(quote);

# A customer's own path, as they are given out.
use constant PATH => 'edna/customer/connector0/service';

# As Msgext->new; options => {...} of server sms, server => 0 for no server
sub new
{
	my ($class, $name, %args) = @_;
	my $wanted = delete $args{server} // 1;
	my $options = delete $args{options} // {};
	my $self = $class->SUPER::new($name, %args, server => 0);

	$self->add_sms('sms', %$options) if $wanted;
	return $self;
}

# A server with fast settings and a mapping for PUBLIC; mapping => {...}, sim => another
# simulator, database => name
sub add_sms
{
	my ($self, $name, %options) = @_;
	my $sim = delete $options{sim} // $self->sim;
	my $database = delete $options{database};
	my $mapping = delete $options{mapping}
	  // { login => 'tester', password => '111111' };
	my %fast = %Msgext::fast;

	delete $fast{recipient_limit};
	%options = (%fast, url => $sim->url(PATH), %options);
	$self->sql("CREATE SERVER $name FOREIGN DATA WRAPPER msgext_edna OPTIONS ("
		  . Msgext::options_text(%options) . ");\n"
		  . "CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS ("
		  . Msgext::options_text(%$mapping) . ')', $database);
	return;
}

# The SQL expression that queues a message: address, content, fate; server, more => {...}
# members of the message; operation_id, send_after, expires_at as SQL
sub post_sql
{
	my (%args) = @_;
	my %message = (
		address => "$args{address}",
		content => $args{content} // 'text',
		%{ $args{more} // {} });
	my $rest = '';

	$message{comment} = "fate=$args{fate}" if defined $args{fate};
	for my $name (qw(operation_id priority send_after expires_at))
	{
		$rest .= ", $name => $args{$name}" if defined $args{$name};
	}
	return
	    'msgext.post_message('
	  . quote($args{server} // 'sms') . ', '
	  . quote(JSON::PP->new->utf8->canonical->encode(\%message))
	  . "$rest)";
}

sub post
{
	my ($self, %args) = @_;

	$args{address} //= $self->new_phone;
	return $self->sql('SELECT ' . post_sql(%args), $args{database});
}

# n messages in one transaction, to addresses from $first on; content and comment are SQL
# expressions of i, from 0. Returns their ids.
sub post_many
{
	my ($self, $n, $first, %args) = @_;
	my $server = quote($args{server} // 'sms');
	my $content = $args{content} // "'text ' || i";
	my $comment = $args{comment} // 'NULL';
	my $operation = $args{operation_id} // 'NULL';

	return split /\n/, $self->sql(<<SQL, $args{database});
SELECT msgext.post_message($server, jsonb_strip_nulls(jsonb_build_object(
    'address', ($first + i)::text, 'content', $content, 'comment', $comment)),
    operation_id => $operation)
FROM generate_series(0, $n - 1) AS i
SQL
}

# Lines of the ledger about accepted messages to the address.
sub lines
{
	my ($self, $address, $sim) = @_;

	return grep { $_->{outcome} eq 'accepted' } ($sim // $self->sim)->ledger($address);
}

# Packets of the ledger's lines from number $from on: number => messages in it, of those
# that are in the ledger: refused packets are one line, repeated messages are none.
sub packets
{
	my ($self, $from) = @_;
	my %packets;

	for my $line ($self->sim->ledger)
	{
		next if $line->{n} <= ($from // 0) || $line->{provider} ne 'edna';
		$packets{ $line->{body}{packet} } += $line->{body}{messages} // 1;
	}
	return \%packets;
}

# Number of the ledger's last line.
sub mark
{
	my ($self) = @_;
	my @lines = $self->sim->ledger;

	return @lines ? $lines[-1]{n} : 0;
}

sub outbox
{
	my ($self, $id, $columns) = @_;

	return $self->sql("SELECT $columns FROM msgext.outbox WHERE id = $id");
}

# Somebody else under the same login: a packet of one message, by hand. Its answer.
sub stranger
{
	my ($self, $client_id, $address) = @_;
	my $answer = HTTP::Tiny->new->request(
		'POST',
		$self->sim->url(PATH),
		{ content => '<consumeOutMessageRequest><header><auth><login>tester</login>'
			  . '<password>111111</password></auth></header><payload><outMessageList>'
			  . "<outMessage clientId=\"$client_id\"><address>$address</address>"
			  . '<content>not ours</content></outMessage></outMessageList></payload>'
			  . '</consumeOutMessageRequest>' });

	return $answer->{content};
}

1;
