#!/usr/bin/perl
# Checks META.json against the rules of the PGXN Meta Spec 1.0.0, and against the control
# file and the tree: script/check-meta.pl
use strict;
use warnings;
use JSON::PP;

my @faults;
sub fault { push @faults, join '', @_; return }

sub slurp
{
	my ($name) = @_;

	open my $in, '<:raw', $name or die "check-meta: $name: $!\n";
	local $/;
	return scalar <$in>;
}

# A semantic version as the spec has them: three numbers, and a word for what is no release.
my $semver = qr/\A(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-?[A-Za-z][-0-9A-Za-z]*)?\z/;
my $term = qr{\A[^\s/\\[:cntrl:]]{2,}\z};
my %licenses = map { $_ => 1 } qw(agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd
  freebsd gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3 lgpl_2_1 lgpl_3_0 mit mozilla_1_0 mozilla_1_1
  openssl perl_5 postgresql qpl_1_0 ssleay sun zlib open_source restricted unrestricted
  unknown);
my %known = map { $_ => 1 } qw(name version abstract maintainer license provides meta-spec
  description generated_by no_index prereqs release_status resources tags);

my $meta = eval { JSON::PP->new->utf8->decode(slurp('META.json')) };
die "check-meta: META.json is no JSON: $@" if !defined $meta;
die "check-meta: META.json is no object\n" if ref $meta ne 'HASH';

sub is_text { return defined $_[0] && !ref $_[0] && length $_[0] }

for my $key (qw(name version abstract maintainer license provides meta-spec))
{
	fault("$key is missing") if !exists $meta->{$key};
}
for my $key (sort keys %$meta)
{
	fault("$key is no member that the spec knows") if !$known{$key} && $key !~ /\Ax_/i;
}
fault('name is no term of the spec') if !is_text($meta->{name}) || $meta->{name} !~ $term;
for my $key (qw(abstract description generated_by))
{
	fault("$key is no text") if exists $meta->{$key} && !is_text($meta->{$key});
}
fault('version is no semantic version')
  if !is_text($meta->{version}) || $meta->{version} !~ $semver;
fault('maintainer names nobody')
  if !grep { is_text($_) } ref $meta->{maintainer} eq 'ARRAY' ? @{ $meta->{maintainer} } : $meta->{maintainer};
for my $license (ref $meta->{license} eq 'ARRAY' ? @{ $meta->{license} }
	: ref $meta->{license} eq 'HASH' ? () : $meta->{license})
{
	fault('license is none that the spec knows')
	  if !is_text($license) || !$licenses{$license};
}
fault('meta-spec has another version')
  if ref $meta->{'meta-spec'} ne 'HASH' || ($meta->{'meta-spec'}{version} // '') !~ /\A1\.0\.\d+\z/;
fault('release_status is none of stable, testing, unstable')
  if exists $meta->{release_status} && $meta->{release_status} !~ /\A(?:stable|testing|unstable)\z/;
if (exists $meta->{tags})
{
	fault('tags are no list of terms')
	  if ref $meta->{tags} ne 'ARRAY' || !@{ $meta->{tags} }
	  || grep { !is_text($_) || m{[/\\[:cntrl:]]} || length > 255 } @{ $meta->{tags} };
}

my $provides = $meta->{provides};
fault('provides is no object with extensions') if ref $provides ne 'HASH' || !%$provides;
for my $name (ref $provides eq 'HASH' ? sort keys %$provides : ())
{
	my $extension = $provides->{$name};

	if (ref $extension ne 'HASH')
	{
		fault("provides.$name is no object");
		next;
	}
	fault("provides.$name is no term of the spec") if $name !~ $term;
	fault("provides.$name.version is no semantic version")
	  if !is_text($extension->{version}) || $extension->{version} !~ $semver;
	for my $key (qw(file docfile))
	{
		next if $key eq 'docfile' && !exists $extension->{$key};
		fault("provides.$name.$key is no file of the tree")
		  if !is_text($extension->{$key}) || !-f $extension->{$key};
	}
}

my %relations = map { $_ => 1 } qw(requires recommends suggests conflicts);
for my $phase (sort keys %{ $meta->{prereqs} // {} })
{
	fault("prereqs.$phase is no phase of the spec")
	  if $phase !~ /\A(?:configure|build|test|runtime|develop)\z/ && $phase !~ /\Ax_/i;
	for my $relation (sort keys %{ $meta->{prereqs}{$phase} })
	{
		my $of = $meta->{prereqs}{$phase}{$relation};

		fault("prereqs.$phase.$relation is no relation of the spec")
		  if !$relations{$relation} && $relation !~ /\Ax_/i;
		for my $name (sort keys %$of)
		{
			fault("prereqs.$phase.$relation.$name is no version")
			  if $of->{$name} ne '0' && $of->{$name} !~ /\A[<>=! ]*\d+\.\d+\.\d+/;
		}
	}
}

# The control files are where the version is written; both extensions have the same.
for my $name (qw(msgext msgext_test))
{
	my ($version) = slurp("$name.control") =~ /^default_version = '(.*)'/m;

	fault("version is not $version, as in $name.control, with a patch level")
	  if ($meta->{version} // '') !~ /\A\Q$version\E\.\d+/
	  || ($provides->{$name}{version} // '') ne ($meta->{version} // '');
}

print STDERR "check-meta: $_\n" for @faults;
exit(@faults ? 1 : 0);
