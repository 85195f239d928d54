# The writes of a database, and what must be found of them:
#   pages.pl write KEY FOLDER CONSOLE
#   pages.pl check KEY FOLDER ACKNOWLEDGED
# A page is 64 copies of its record in the log, so that each sector says which version it is of.
use strict;
use warnings;
use Fcntl;
use IO::Handle;

my ($mode, $key, $folder, $argument) = @ARGV;
my ($slots, $copies, $length) = (64, 64, 64);
my $size = $copies * $length;
srand hex substr $key, 0, 8;

# The next record: its page's slot is the next random one.
my $number = 0;
sub record {
    my $slot = int rand $slots;
    return ($slot, sprintf "%s %8d %21d\n", $key, $slot, ++$number);
}

sub put {
    my ($file, $data) = @_;
    (syswrite($file, $data) // die "write: $!\n") == length $data or die "a short write\n";
}

sub get {
    my ($name) = @_;
    open my $file, '<:raw', "$folder/$name" or die "$name: $!\n";
    local $/;
    return <$file> // '';
}

if ($mode eq 'write') {
    sysopen my $log, "$folder/log", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND or die "log: $!\n";
    sysopen my $pages, "$folder/pages", O_WRONLY | O_CREAT | O_TRUNC | O_DSYNC or die "pages: $!\n";
    truncate $pages, $slots * $size or die "pages: $!\n";
    open my $console, '>>', $argument or die "$argument: $!\n";
    while (1) {
        my ($slot, $record) = record();
        put($log, $record);
        $log->sync or die "fsync: $!\n";
        sysseek $pages, $slot * $size, 0 or die "seek: $!\n";
        put($pages, $record x $copies);
        put($console, "<page $number>\n");
    }
}

my ($log, $pages) = (get('log'), get('pages'));
my @versions = (["\0" x $size]) x $slots;
my ($slot, $record) = record();
while (substr($log, ($number - 1) * $length, $length) eq $record) {
    # The next record is begun only when the page is on disk.
    my $is_done = $number <= $argument || length $log > $number * $length;
    $versions[$slot] = [$record x $copies, $is_done ? () : @{$versions[$slot]}];
    ($slot, $record) = record();
}
my $records = $number - 1;
$records >= $argument or die "the log has $records whole records, and $argument were acknowledged\n";
length $log <= $number * $length or die "behind record $records the log goes on with something else\n";
length $pages == $slots * $size or die "pages has ${\length $pages} bytes\n";
for my $slot (0 .. $slots - 1) {
    my $page = substr $pages, $slot * $size, $size;
    next if grep { $page eq $_ } @{$versions[$slot]};
    my %found = map { $_ => 1 } unpack "(A$length)*", $page;
    die "page $slot has ", join(', ', map { "'$_'" } sort keys %found), ", and not '", unpack("A$length", $versions[$slot][0]), "'\n";
}
