# A copy of the server's installation in which a test may write install scripts: the server
# looks for them beside its program.
package Msgext::Installation;

use strict;
use warnings;

use Carp;
use Cwd qw(abs_path);
use File::Basename qw(basename);
use File::Copy qw(copy);
use File::Path qw(make_path);
use PostgreSQL::Test::Utils;

sub directory
{
	my ($name) = @_;
	my $path = `pg_config --$name`;

	croak "pg_config --$name failed" if $? != 0;
	chomp $path;
	return abs_path($path);
}

sub entries
{
	my ($directory) = @_;

	opendir(my $dh, $directory) or croak "$directory: $!";
	return grep { $_ ne '.' && $_ ne '..' } readdir $dh;
}

# Programs are found from where the server's is; what is only read is linked.
sub new
{
	my ($class) = @_;
	my $base = PostgreSQL::Test::Utils::tempdir('installation');
	my ($bin, $share, $lib) = map { directory($_) } qw(bindir sharedir pkglibdir);
	my $self = bless { bin => "$base$bin", scripts => "$base$share/extension" }, $class;
	my $above = $lib =~ s{/[^/]*$}{}r;

	make_path($self->{bin}, $self->{scripts}, "$base$above");
	for my $program (qw(postgres pg_ctl))
	{
		copy("$bin/$program", "$self->{bin}/$program") or croak "$program: $!";
		chmod 0755, "$self->{bin}/$program";
	}
	symlink("$share/$_", "$base$share/$_") or croak "$_: $!"
	  for grep { $_ ne 'extension' } entries($share);
	symlink("$share/extension/$_", "$self->{scripts}/$_") or croak "$_: $!"
	  for entries("$share/extension");
	-e "$base$lib" or symlink($lib, "$base$lib") or croak "$lib: $!";
	return $self;
}

# From now on the servers of this test are of this installation.
sub use
{
	my ($self) = @_;

	$ENV{PATH} = "$self->{bin}:$ENV{PATH}";
	return;
}

sub read
{
	my ($self, $name) = @_;

	return slurp_file("$self->{scripts}/$name");
}

sub write
{
	my ($self, $name, $text) = @_;

	unlink "$self->{scripts}/$name";
	append_to_file("$self->{scripts}/$name", $text);
	return;
}

# What CREATE EXTENSION installs when it is not told.
sub version
{
	my ($self) = @_;

	return $self->read('msgext.control') =~ /^default_version = '(.*)'$/m ? $1 : croak 'no version';
}

1;
