# What the documents name is there as they say, and what is there is in them: functions with their
# arguments, results and defaults, columns of views, settings, options, and every msgext.name.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Msgext;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::RealBin/../..";
my $t = Msgext->new('documents', preload => 0, server => 0);
my %page = map { m{([\w-]+)\.md$} => slurp_file($_) } glob("$root/README.md $root/docs/*.md $root/docs/languages/*.md");
my $all = join("\n", map { $page{$_} } sort keys %page);

$t->sql('CREATE EXTENSION msgext_test');

# Lines of an answer, split into columns.
sub rows
{
	my ($sql) = @_;

	return map { [ split /\|/, $_, -1 ] } split /\n/, $t->node->safe_psql('postgres', "LOAD 'msgext';\n$sql");
}

# What has been found wrong: nothing.
sub none
{
	my ($name, @wrong) = @_;

	is(join("\n", @wrong), '', $name);
	return;
}

# The rows of the tables below a heading, by the names in their first column.
sub table_below
{
	my ($page, $heading) = @_;
	my ($section) = $page{$page} =~ /^#+ \Q$heading\E\n(.*?)(?=^#+ |\z)/ms;
	my %row;

	die "no $heading in $page" unless defined $section;
	for my $line ($section =~ /^\|(.*)\|$/mg)
	{
		my ($names, @cells) = map { s/^\s+|\s+$//gr } split /\|/, $line;

		$row{$_} = \@cells for $names =~ /`(\w[\w.]*)`/g;
	}
	return %row;
}

# msgext.name, wherever one is named.
my %there = map { $_->[0] => 1 } rows(<<'SQL');
SELECT n.nspname || '.' || proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname LIKE 'msgext%'
UNION SELECT n.nspname || '.' || relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname LIKE 'msgext%'
UNION SELECT name FROM pg_settings WHERE name LIKE 'msgext.%'
SQL
my %no_name = map { $_ => 1 } qw(msgext.control msgext.h msgext.json);
none('every msgext.name is there',
	grep { !$there{$_} && !$no_name{$_} && !/_\z/ } $all =~ /(?<![\w\/.-])(msgext(?:_test)?\.[a-z_]+)(?![\w*]|\.[a-z])/g);
none('and every function is named',
	grep { my ($name) = /\.(.*)/; $all !~ /\b$name\b/ } map { $_->[0] } rows(<<'SQL'));
SELECT DISTINCT n.nspname || '.' || proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace
WHERE nspname LIKE 'msgext%' AND proname NOT LIKE '%\_validator' ORDER BY 1
SQL

# Signatures: arguments in their order, all of them where the document leaves none out, with the
# types and defaults that it gives.
my (%in, %out, %result);
for my $row (rows(<<'SQL'))
SELECT n.nspname || '.' || p.proname, a.i, coalesce(p.proargmodes[a.i], 'i'), p.proargnames[a.i], a.type::regtype,
    coalesce(pg_get_function_arg_default(p.oid, a.i::int), ''), p.prokind, pg_get_function_result(p.oid)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    LEFT JOIN LATERAL unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY a(type, i) ON true
WHERE n.nspname LIKE 'msgext%' ORDER BY 1, 2
SQL
{
	my ($function, $i, $mode, $name, $type, $default, $kind, $result) = @$row;

	$result{$function} = $result;
	$in{$function} //= [];
	next if $i eq '';
	push @{ $in{$function} }, { name => $name, type => $type, default => $default }
	  if $mode =~ /[ib]/ && !($kind eq 'p' && $mode eq 'b');
	push @{ $out{$function} }, $name if $mode =~ /[obt]/;
}

sub same
{
	my ($type, $documented, $actual) = @_;

	return $t->sql("SELECT (($documented)::$type)::text IS NOT DISTINCT FROM (($actual)::$type)::text") eq 't';
}

sub wrong_argument
{
	my ($documented, $actual) = @_;
	my ($name, $type, $default) = $documented =~ /^"?(\w+)"? ([\w ]+(?:\[\])?)(?: = (.*))?$/;

	return "$documented: cannot be read" unless defined $type;
	return "$name: no such argument here" unless defined $actual && $actual->{name} eq $name;
	return "$name: $type is $actual->{type}"
	  unless $t->sql("SELECT to_regtype('$type') = '$actual->{type}'::regtype") eq 't';
	return "$name: default is $actual->{default}"
	  unless defined $default ? $actual->{default} ne '' && same($type, $default, $actual->{default}) : $actual->{default} eq '';
	return;
}

sub wrong_signature
{
	my ($function, $arguments, $result) = @_;
	my @actual = @{ $in{$function} // return "$function: does not exist" };
	my @wrong;

	for my $argument (split /,\s*/, $arguments =~ s/\s+/ /gr)
	{
		if ($argument =~ /…/)
		{
			my ($next) = $arguments =~ /\Q$argument\E,\s*"?(\w+)/;
			shift @actual while @actual && !(defined $next && $actual[0]{name} eq $next);
			next;
		}
		push @wrong, wrong_argument($argument =~ s/^ | $//gr, shift @actual);
	}
	push @wrong, 'undocumented: ' . join(', ', map { $_->{name} } @actual) if @actual;
	if ($result =~ /^\w+(?:\[\])?$/ && $result ne 'rows')
	{
		my ($set, $type) = $result{$function} =~ /^(SETOF )?(.*)/;
		my $documented = $set ? $result =~ s/s\z//r : $result;

		push @wrong, "returns $result{$function}"
		  if $t->sql("SELECT to_regtype('$documented') IS DISTINCT FROM to_regtype('$type')") eq 't';
	}
	elsif ($result =~ /,/)
	{
		my $names = join(', ', map { /(\w+)/ } split /,\s*/, $result =~ s/^\(|^rows of //r);
		my $actual = join(', ', @{ $out{$function} // [] });

		push @wrong, "returns $actual" if $names ne $actual;
	}
	return map { "$function: $_" } @wrong;
}

my (%signature, @wrong);
for my $page (sort keys %page)
{
	while ($page{$page} =~ /^```(\w*)\n(.*?)^```$/msg)
	{
		my ($language, $block) = ($1, $2);

		while ($language eq '' && $block =~ /\b(msgext(?:_test)?\.\w+)\(([^()]*)\)(?:\s*→\s*(.*?)(?=\s*\n(?:msgext|\z)|\z))?/sg)
		{
			my ($function, $arguments, $result) = ($1, $2, $3 // '');

			$signature{$function} = 1;
			next if $arguments =~ /^(?:…|\d+$)/;    # the same as another's; a call
			push @wrong, wrong_signature($function, $arguments, $result =~ s/\s+/ /gr);
		}
	}
}
none('signatures', @wrong);
cmp_ok(scalar keys %signature, '>=', 40, 'there are signatures');

# Columns.
for my $view (map { $_->[0] } rows(<<'SQL'))
SELECT relname FROM pg_class WHERE relnamespace = 'msgext'::regnamespace
    AND (relkind = 'v' OR relname IN ('server_event', 'blocked_recipient', 'inbox', 'template')) ORDER BY 1
SQL
{
	my %documented = table_below('reference', $view);

	is(join(' ', sort keys %documented), $t->sql(<<"SQL"), "columns of $view");
SELECT string_agg(attname, ' ' ORDER BY attname COLLATE "C") FROM pg_attribute
WHERE attrelid = 'msgext.$view'::regclass AND attnum > 0 AND NOT attisdropped
SQL
}

# Settings, with their defaults.
my %setting = map { @$_ } rows(<<'SQL');
SELECT name, current_setting(name) FROM pg_settings WHERE name LIKE 'msgext.%' AND name NOT LIKE 'msgext.test\_%'
SQL
my %told = table_below('reference', 'Settings');

delete $told{$_} for grep { !/^msgext\./ } keys %told;
delete $setting{'msgext.restart_delay'};
for my $name (keys %told)
{
	$told{$name} = $told{$name}[0] =~ s/[ `]//gr =~ s/^none$//r;
}
is_deeply(\%told, \%setting, 'settings');

# Options, as the error at a wrong one has them: those of the mapping are secrets, and have a twin.
sub options_of
{
	my ($wrapper, $place) = @_;
	my $server = "CREATE SERVER s FOREIGN DATA WRAPPER msgext_$wrapper OPTIONS (url 'http://127.0.0.1:1'";
	my $wrong = $place eq 'server' ? "$server, nonsense '1')" : "$server); CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (nonsense '1')";
	my ($list) = $t->error("BEGIN; $wrong") =~ /Valid options are: (.*)\./ or die "no list of options: $wrong";

	return grep { !/_file$/ || $_ eq 'ca_file' } split /, /, $list;
}
my %common = (%{ { table_below('reference', 'Server options') } }, table_below('reference', 'User mapping options'));
my %own = (
	diadoc => { table_below('reference', 'Diadoc') },
	edna => { table_below('reference', 'edna') },
	personium => { table_below('reference', 'Personium') },
	webhook => { table_below('webhooks', 'Options') });
my %known;
for my $provider (map { $_->[0] } rows("SELECT substr(fdwname, 8) FROM pg_foreign_data_wrapper WHERE fdwname LIKE 'msgext\\_%' ORDER BY 1"))
{
	for my $place (qw(server mapping))
	{
		my @options = options_of($provider, $place);

		none("options of a $place of $provider", grep { !$common{$_} && !$own{$provider}{$_} } @options);
		@known{@options} = @options;
	}
}
none('no others are told of', grep { !$known{$_} } keys %{ { table_below('reference', 'Server options') } });

# Metrics.
my ($section) = $page{reference} =~ /^### OpenMetrics\n(.*?)^## /ms;
my $process;
my @metrics = map {
	my $name = $_;

	$process = $1 if $name =~ /^(msgext_process_)/;
	$name =~ s/^…_/$process/;
	$name =~ /<state>/ ? map { $name =~ s/<state>/$_/r } qw(accepted sent delivered read undelivered rejected failed expired unknown cancelled) : $name;
} map { s/_(?:total|info)$//r } $section =~ /`((?:msgext|…)_[\w<>]+)`/g;
my %metric = map { $_ => 1 } $t->sql('SELECT msgext.metrics()') =~ /^# TYPE (\w+) /mg;
is(join("\n", sort @metrics), join("\n", sort keys %metric), 'metrics');

done_testing();
