# Documents for Diadoc: servers, messages, and what the simulator's ledger says of them.
#
#   my $d = Msgext::Diadoc->new('main');              cluster, simulator, server docs
#   my $id = $d->post(comment => 'doc1 fate=delivered');
#   is(scalar $d->lines('doc1'), 1, 'it arrived once');
#
# A comment starts with a word of its own, by which scripts and ledger find the document.
package Msgext::Diadoc;

use strict;
use warnings;

use parent -norequire, 'Msgext';

use JSON::PP ();
use Msgext qw(quote);

use constant FROM => 'db32dd5c-5d5b-4b7a-9f3e-1c2d3e4f5a6b';
use constant TO => '1aaaf74cc6a84b1e8d07c2f0a95be31d@diadoc.ru';

# What must not be found anywhere afterwards.
our %secret = (
	api_client_id => 'integrator-7e1c90ab',
	login => 'robot-4d2f@example.com',
	password => 'Correct-Horse-5521',
	client_id => 'oidc-client-88',
	client_secret => 'oidc-secret-1f0e77',
	refresh_token => 'refresh-first-93ad20');

our %by_password = map { $_ => $secret{$_} } qw(api_client_id login password);
our %by_refresh_token = map { $_ => $secret{$_} } qw(client_id client_secret refresh_token);

# Arguments of the simulator for those credentials.
sub simulator
{
	my @args;

	for my $name (sort keys %secret)
	{
		(my $option = "--diadoc-$name") =~ tr/_/-/;
		push @args, $option, $secret{$name};
	}
	return (@args, @_);
}

# As Msgext->new; simulator => [...] are further arguments, options => {...} of server docs
sub new
{
	my ($class, $name, %args) = @_;
	my $wanted = delete $args{server} // 1;
	my $options = delete $args{options} // {};
	my $self = $class->SUPER::new(
		$name, %args,
		server => 0,
		simulator => [ simulator(@{ $args{simulator} // [] }) ]);

	$self->add_docs('docs', %$options) if $wanted;
	return $self;
}

# A server with fast settings and a mapping for PUBLIC, by password unless mapping =>
# {...} says otherwise; sim => another simulator
sub add_docs
{
	my ($self, $name, %options) = @_;
	my $mapping = delete $options{mapping} // \%by_password;
	my $sim = delete $options{sim} // $self->sim;
	my %fast = %Msgext::fast;

	delete $fast{recipient_limit};
	%options = (
		%fast,
		url => $sim->url('diadoc'),
		identity_url => $sim->url('diadoc'),
		max_in_flight => 8,
		%options);
	$self->sql("CREATE SERVER $name FOREIGN DATA WRAPPER msgext_diadoc OPTIONS ("
		  . Msgext::options_text(%options) . ");\n"
		  . "CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS ("
		  . Msgext::options_text(%$mapping) . ')');
	return;
}

# A document of a message: comment, custom_id, part (its content)
sub document
{
	my (%args) = @_;
	my %document = (
		TypeNamedId => 'Nonformalized',
		Comment => $args{comment},
		SignedContent => {
			Content => { part => $args{part} // 1 },
			SignWithTestSignature => JSON::PP::true
		},
		Metadata => [ { Key => 'FileName', Value => 'file.txt' } ]);

	$document{CustomDocumentId} = $args{custom_id} if defined $args{custom_id};
	return \%document;
}

# The SQL expression that queues a message: comment or documents => [...]; server,
# operation_id (SQL), parts => SQL of a bytea[], more => {...} members of the message
sub post_sql
{
	my (%args) = @_;
	my $documents = $args{documents} // [ document(%args) ];
	my %message = (
		FromBoxId => FROM,
		ToBoxId => TO,
		DocumentAttachments => $documents,
		%{ $args{more} // {} });
	my $rest = '';

	$rest = ", operation_id => $args{operation_id}" if defined $args{operation_id};
	return
	    'msgext.post_message('
	  . quote($args{server} // 'docs') . ', '
	  . quote(JSON::PP->new->utf8->canonical->encode(\%message))
	  . ', parts => '
	  . ($args{parts} // "ARRAY['content'::bytea]")
	  . "$rest)";
}

sub post
{
	my ($self, %args) = @_;

	return $self->sql('SELECT ' . post_sql(%args));
}

# Lines of the ledger about accepted messages whose first document's comment starts with
# the word.
sub lines
{
	my ($self, $word, $sim) = @_;

	return grep {
		     $_->{outcome} eq 'accepted'
		  && $_->{body}{documents}[0]{comment} =~ /^\Q$word\E\b/
	} ($sim // $self->sim)->ledger(undef, $word);
}

1;
