# nginx before a provider or a listener. Its files, logs of it among them, are in a folder of the
# caller's; it ends with the test.
#
#   Msgext::Nginx::certificate($dir);          $dir/tls.crt and $dir/tls.key, of localhost
#   my $nginx = Msgext::Nginx->start($dir, <<HTTP);
#   server { listen 127.0.0.1:$port; … }      what stands within http { … }
#   HTTP
#   $nginx->stop;
package Msgext::Nginx;

use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Utils qw(append_to_file system_or_bail);

use constant PROGRAM => '/usr/sbin/nginx';

my @running;

sub installed { return -x PROGRAM }

sub certificate
{
	my ($dir) = @_;

	system_or_bail('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
		'-addext', 'subjectAltName=DNS:localhost', '-keyout', "$dir/tls.key", '-out', "$dir/tls.crt");
	return;
}

sub start
{
	my ($class, $dir, $http) = @_;
	my $paths = join("\n", map { "    ${_}_temp_path $dir/nginx-$_;" } qw(client_body proxy fastcgi uwsgi scgi));

	append_to_file("$dir/nginx.conf", <<CONF);
pid $dir/nginx.pid;
daemon off;
error_log $dir/nginx-main.log;
events { worker_connections 512; }
http {
$paths
$http
}
CONF
	push @running, IPC::Run::start([ PROGRAM, '-c', "$dir/nginx.conf", '-e', "$dir/nginx-main.log" ],
		'>', "$dir/nginx.out", '2>&1');
	return bless { run => $running[-1] }, $class;
}

sub stop
{
	my ($self) = @_;

	@running = grep { $_ != $self->{run} } @running;
	$self->{run}->signal('QUIT');
	$self->{run}->finish;
	return;
}

END
{
	local $?;
	$_->kill_kill for @running;
}

1;
