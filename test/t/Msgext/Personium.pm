# Messages between Personium cells: servers, messages, and what the simulator's ledger says
# of each target.
#
#   my $p = Msgext::Personium->new('main');            cluster, simulator, server mail
#   my $id = $p->post(title => 'msg1', to => [ 'bob', 'carol' ]);
#   is_deeply($p->reached('msg1'), { bob => 1, carol => 1 }, 'each was reached once');
#
# A title is a word of its own, by which scripts and ledger find the message; a target is a
# name, and a part of its cell's URL between two slashes.
package Msgext::Personium;

use strict;
use warnings;

use parent -norequire, 'Msgext';

use HTTP::Tiny;
use JSON::PP ();
use Msgext qw(quote);

use constant UNIT => 'https://unit.example/';

# What must not be found anywhere afterwards.
our %secret = (
	login => 'robot-77c1@cell',
	password => 'Battery+Staple & 4471%',
	client_id => 'https://app-30d9.example/',
	client_secret => 'app-token/AA~9f+20=1',
	refresh_token => 'RA~refresh-first-61be');

our %by_password = map { $_ => $secret{$_} } qw(login password);
our %by_refresh_token = (refresh_token => $secret{refresh_token});
our %by_app = (%by_password, map { $_ => $secret{$_} } qw(client_id client_secret));

# Arguments of the simulator for those credentials.
sub simulator
{
	my @args;

	for my $name (sort keys %secret)
	{
		(my $option = "--personium-$name") =~ tr/_/-/;
		push @args, $option, $secret{$name};
	}
	return (@args, @_);
}

# As Msgext->new; simulator => [...] are further arguments, options => {...} of server mail
sub new
{
	my ($class, $name, %args) = @_;
	my $wanted = delete $args{server} // 1;
	my $options = delete $args{options} // {};
	my $self = $class->SUPER::new(
		$name, %args,
		server => 0,
		simulator => [ simulator(@{ $args{simulator} // [] }) ]);

	$self->{title} = 'msg1000';
	$self->add_cell('mail', %$options) if $wanted;
	return $self;
}

# A server for the cell of the same name, with fast settings and a mapping for PUBLIC, by
# password unless mapping => {...} says otherwise; sim => another simulator; an option
# that is undef is left out
sub add_cell
{
	my ($self, $name, %options) = @_;
	my $mapping = delete $options{mapping} // \%by_password;
	my $sim = delete $options{sim} // $self->sim;
	my %fast = %Msgext::fast;

	delete $fast{recipient_limit};
	%options = (%fast, url => $sim->url("personium/$name"), max_in_flight => 8, %options);
	delete $options{$_} for grep { !defined $options{$_} } keys %options;
	$self->sql("CREATE SERVER $name FOREIGN DATA WRAPPER msgext_personium OPTIONS ("
		  . Msgext::options_text(%options) . ");\n"
		  . "CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS ("
		  . Msgext::options_text(%$mapping) . ')');
	return;
}

sub url { return UNIT . "$_[0]/" }

sub new_title
{
	my ($self) = @_;

	return ++$self->{title};
}

# The SQL expression that queues a message: title, to => name or [names] (the title if
# there is neither to nor relation), relation, body; server, operation_id (SQL), more =>
# {...} members of the message
sub post_sql
{
	my (%args) = @_;
	my $to = $args{to} // (defined $args{relation} ? undef : $args{title});
	my %message = (Title => $args{title}, %{ $args{more} // {} });
	my $rest = '';

	$message{To} = join(',', map { url($_) } ref $to ? @$to : $to) if defined $to;
	$message{ToRelation} = $args{relation} if defined $args{relation};
	$message{Body} = $args{body} if defined $args{body};
	$rest = ", operation_id => $args{operation_id}" if defined $args{operation_id};
	return
	    'msgext.post_message('
	  . quote($args{server} // 'mail') . ', '
	  . quote(JSON::PP->new->utf8->canonical->encode(\%message))
	  . "$rest)";
}

sub post
{
	my ($self, %args) = @_;

	$args{title} //= $self->new_title;
	return $self->sql('SELECT ' . post_sql(%args));
}

# Lines of the ledger about the deliveries of messages with that title.
sub lines
{
	my ($self, $title, $sim) = @_;

	return grep {
		$_->{outcome} eq 'accepted' && ($_->{body}{Title} // '') eq $title
	} ($sim // $self->sim)->ledger(undef, $title =~ /^\w+$/a ? $title : undef);
}

# The name of the target with that URL.
sub name
{
	my ($url) = @_;

	return $url =~ m{([^/]+)/$} ? $1 : $url;
}

# target => how often a message with that title was delivered to it
sub reached
{
	my ($self, $title, $sim) = @_;
	my %reached;

	$reached{ name($_->{to}) }++ for $self->lines($title, $sim);
	return \%reached;
}

# target => its state, as message_status() tells it
sub targets
{
	my ($self, $id) = @_;
	my $targets = $self->status($id)->{detail}{targets} // {};

	return { map { name($_) => $targets->{$_}{state} } keys %$targets };
}

# A token, got as a client would; sim => another simulator, cell => name
sub log_in
{
	my ($self, %args) = @_;
	my $answer = HTTP::Tiny->new->post_form(
		($args{sim} // $self->sim)->url('personium/' . ($args{cell} // 'mail')) . '/__token',
		[ grant_type => 'password', username => $secret{login}, password => $secret{password} ]);

	return JSON::PP->new->decode($answer->{content})->{access_token};
}

1;
