# Hashes, strings and lists of all sizes, made and dropped.
use strict;
use warnings;

my (%count, @rows);
for my $n (0 .. 119_999) {
    my $key = "key " . ($n * 7919 % 30_011);
    $count{$key} .= chr(97 + $n % 26) x ($n % 23);
    push @rows, { id => $n, name => $key, list => [ 1 .. $n % 5 ] } if $n % 2;
}
my $total = 0;
for my $round (1 .. 2) {
    my %groups;
    push @{ $groups{ substr($_->{name}, 0, 7) } }, join(",", $_->{id}, @{ $_->{list} }) for @rows;
    $total += length join(";", sort map { @{ $groups{$_} } } sort keys %groups);
}
my @sorted = sort { length $count{$b} <=> length $count{$a} || $a cmp $b } keys %count;
print scalar(@rows), " $total $sorted[0] ", length($count{ $sorted[0] }), "\n";
