# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_runnel_global_optspecs
    string join \n b/broker= data= no-autostart color= q/quiet v/verbose h/help V/version
end

function __fish_runnel_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_runnel_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_runnel_using_subcommand
    set -l cmd (__fish_runnel_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c runnel -n "__fish_runnel_needs_command" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_needs_command" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_needs_command" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_needs_command" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_needs_command" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_needs_command" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_needs_command" -s V -l version -d 'Print version'
complete -c runnel -n "__fish_runnel_needs_command" -f -a "produce" -d 'Pipe records into a topic'
complete -c runnel -n "__fish_runnel_needs_command" -f -a "consume" -d 'Pipe records out of topics'
complete -c runnel -n "__fish_runnel_needs_command" -f -a "topic" -d 'List, describe, create, alter, delete and trim topics'
complete -c runnel -n "__fish_runnel_needs_command" -f -a "group" -d 'List, describe, reset and delete consumer groups'
complete -c runnel -n "__fish_runnel_needs_command" -f -a "config" -d 'Read and change settings of the broker and of topics'
complete -c runnel -n "__fish_runnel_needs_command" -f -a "cluster" -d 'Tell about the cluster'
complete -c runnel -n "__fish_runnel_needs_command" -f -a "broker" -d 'Run a broker, or start and stop the local one'
complete -c runnel -n "__fish_runnel_needs_command" -f -a "dash" -d 'Watch brokers, topics and groups live'
complete -c runnel -n "__fish_runnel_needs_command" -f -a "demo" -d 'Run a broker with a live sample workload, and watch it'
complete -c runnel -n "__fish_runnel_needs_command" -f -a "completions" -d 'Print a shell\'s completion script'
complete -c runnel -n "__fish_runnel_needs_command" -f -a "man" -d 'Write the man pages'
complete -c runnel -n "__fish_runnel_using_subcommand produce" -s k -l key -d 'The key of every record; equal keys go to the same partition' -r
complete -c runnel -n "__fish_runnel_using_subcommand produce" -s K -l key-delimiter -d 'Every record begins with its key, up to the first DELIM; a record without DELIM is an error' -r
complete -c runnel -n "__fish_runnel_using_subcommand produce" -s D -l delimiter -d 'What ends a record; \\n \\r \\t \\0 \\\\ \\xNN are understood; \'\': the whole input is one record' -r
complete -c runnel -n "__fish_runnel_using_subcommand produce" -s H -l header -d 'A header for every record; NAME:VALUE works, too; may be given several times, even with one name' -r
complete -c runnel -n "__fish_runnel_using_subcommand produce" -s p -l partition -d 'The partition for every record, whatever its key; -1: as if it weren\'t given' -r
complete -c runnel -n "__fish_runnel_using_subcommand produce" -s z -l compression -d 'How batches are compressed' -r -f -a "none\t'As they are'
gzip\t'Compact, slow'
snappy\t'Quick'
lz4\t'Quickest'
zstd\t'Compact, quick'"
complete -c runnel -n "__fish_runnel_using_subcommand produce" -l acks -d 'When a record counts as delivered' -r -f -a "all\t'Once it is on disk; -1 says the same'
leader\t'Once it is written, before it is synced; 1 says the same'
none\t'At once, whatever becomes of it; 0 says the same'"
complete -c runnel -n "__fish_runnel_using_subcommand produce" -s X -l topic-config -d 'A setting for the topic if it is created now, such as -X retention.ms=3600000' -r
complete -c runnel -n "__fish_runnel_using_subcommand produce" -l timeout -d 'How long to go on without an answer, or while the broker\'s disk is full or the broker is busy' -r
complete -c runnel -n "__fish_runnel_using_subcommand produce" -l on-error -d 'After a record that can\'t be delivered: stop reading, or skip it and go on; the exit code is 1 either way' -r -f -a "stop\t'Read no further'
skip\t'Leave it out, go on'"
complete -c runnel -n "__fish_runnel_using_subcommand produce" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand produce" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand produce" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand produce" -s Z -l null -d 'An empty value becomes null: a tombstone'
complete -c runnel -n "__fish_runnel_using_subcommand produce" -l json -d 'Read records as `consume --json` writes them, with keys, headers and timestamps'
complete -c runnel -n "__fish_runnel_using_subcommand produce" -l ignore-partitions -d 'With --json: let keys choose the partitions, not what the records say'
complete -c runnel -n "__fish_runnel_using_subcommand produce" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand produce" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand produce" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand produce" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand consume" -s o -l offset -d 'Where to start [default: beginning]; with -g only where the group has committed nothing yet' -r
complete -c runnel -n "__fish_runnel_using_subcommand consume" -s n -l count -d 'Exit after so many records' -r
complete -c runnel -n "__fish_runnel_using_subcommand consume" -s p -l partition -d 'Only this partition; may be given several times' -r
complete -c runnel -n "__fish_runnel_using_subcommand consume" -s g -l group -d 'Join this consumer group: share partitions, and commit what was printed' -r
complete -c runnel -n "__fish_runnel_using_subcommand consume" -l assignor -d 'How the group shares partitions, in the order of preference [default: cooperative-sticky,range]' -r -f -a "range\t'Contiguous ranges of each topic'
roundrobin\t'One after the other'
sticky\t'Even, moving as few as possible'
cooperative-sticky\t'As sticky, without stopping the whole group'"
complete -c runnel -n "__fish_runnel_using_subcommand consume" -l timeout -d 'Exit with 124 if not done after this time, connecting included' -r
complete -c runnel -n "__fish_runnel_using_subcommand consume" -l isolation -d 'Which records of transactions are read' -r -f -a "read-uncommitted\t'All, also those that are aborted or not decided yet'
read-committed\t'Those that are committed; it waits for what is not decided, but for -e'"
complete -c runnel -n "__fish_runnel_using_subcommand consume" -s f -l format -d 'How a record is printed, such as \'%k %v\\n\'; --help tells more' -r
complete -c runnel -n "__fish_runnel_using_subcommand consume" -s D -l delimiter -d 'What follows each record; \\n \\r \\t \\0 \\\\ \\xNN are understood [default: \\n, nothing with -f]' -r
complete -c runnel -n "__fish_runnel_using_subcommand consume" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand consume" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand consume" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand consume" -s e -l exit-at-end -d 'Exit at the end, as it was at the start'
complete -c runnel -n "__fish_runnel_using_subcommand consume" -l json -d 'Print one JSON object a line that holds all of the record; `produce --json` reads it'
complete -c runnel -n "__fish_runnel_using_subcommand consume" -l raw -d 'On a terminal, don\'t escape control characters'
complete -c runnel -n "__fish_runnel_using_subcommand consume" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand consume" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand consume" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand consume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -f -a "list" -d 'List topics'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -f -a "ls" -d 'List topics'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -f -a "describe" -d 'Tell everything about topics'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -f -a "create" -d 'Create topics'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -f -a "alter" -d 'Add partitions, change settings'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -f -a "delete" -d 'Delete topics and all their records'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and not __fish_seen_subcommand_from list ls describe create alter delete trim" -f -a "trim" -d 'Delete the oldest records'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from list" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from list" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from list" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from list" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from list" -l internal -d 'Also the broker\'s own topics'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from list" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from ls" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from ls" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from ls" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from ls" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from ls" -l internal -d 'Also the broker\'s own topics'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from ls" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from ls" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from describe" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from describe" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from describe" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from describe" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from describe" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from describe" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from describe" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from describe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from create" -s p -l partitions -d 'How many partitions [default: the broker\'s num.partitions]' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from create" -s c -l config -d 'A setting under Kafka\'s name; may be given several times' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from create" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from create" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from create" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from create" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from create" -l if-not-exists -d 'Succeed, changing nothing, when the topic exists'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from create" -l dry-run -d 'Check everything, create nothing'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from create" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from create" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from create" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from alter" -s p -l partitions -d 'How many partitions to have in all; more than now' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from alter" -s c -l config -d 'A setting to change, under Kafka\'s name; may be given several times' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from alter" -l unset -d 'A setting to return to its default; may be given several times' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from alter" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from alter" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from alter" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from alter" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from alter" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from alter" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from alter" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from delete" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from delete" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from delete" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from delete" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from delete" -l if-exists -d 'Succeed when a topic doesn\'t exist'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do it without asking; needed when there is no terminal to ask on'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from delete" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from delete" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from trim" -l before -d 'The first record to keep: an offset, `end` (keeps none), or @TIME, such as @-7d' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from trim" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from trim" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from trim" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from trim" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from trim" -s y -l yes -d 'Do it without asking; needed when there is no terminal to ask on'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from trim" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from trim" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from trim" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand topic; and __fish_seen_subcommand_from trim" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand group; and not __fish_seen_subcommand_from list ls describe reset delete" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand group; and not __fish_seen_subcommand_from list ls describe reset delete" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand group; and not __fish_seen_subcommand_from list ls describe reset delete" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand group; and not __fish_seen_subcommand_from list ls describe reset delete" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand group; and not __fish_seen_subcommand_from list ls describe reset delete" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand group; and not __fish_seen_subcommand_from list ls describe reset delete" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand group; and not __fish_seen_subcommand_from list ls describe reset delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand group; and not __fish_seen_subcommand_from list ls describe reset delete" -f -a "list" -d 'List groups'
complete -c runnel -n "__fish_runnel_using_subcommand group; and not __fish_seen_subcommand_from list ls describe reset delete" -f -a "ls" -d 'List groups'
complete -c runnel -n "__fish_runnel_using_subcommand group; and not __fish_seen_subcommand_from list ls describe reset delete" -f -a "describe" -d 'Tell everything about groups'
complete -c runnel -n "__fish_runnel_using_subcommand group; and not __fish_seen_subcommand_from list ls describe reset delete" -f -a "reset" -d 'Move a group\'s committed offsets; without --yes, only show the plan'
complete -c runnel -n "__fish_runnel_using_subcommand group; and not __fish_seen_subcommand_from list ls describe reset delete" -f -a "delete" -d 'Delete groups and their offsets'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from list" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from list" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from list" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from list" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from list" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from ls" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from ls" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from ls" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from ls" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from ls" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from ls" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from describe" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from describe" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from describe" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from describe" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from describe" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from describe" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from describe" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from describe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from reset" -l topic -d 'A topic, all its partitions or one of them; may be given several times' -r
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from reset" -l to -d 'The target: earliest, latest, an offset, @TIME, or +N and -N from where the group is' -r
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from reset" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from reset" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from reset" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from reset" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from reset" -l all-topics -d 'All topics that the group has offsets for'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from reset" -s y -l yes -d 'Do it; without this only the plan is shown'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from reset" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from reset" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from reset" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from reset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from delete" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from delete" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from delete" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from delete" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do it without asking; needed when there is no terminal to ask on'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from delete" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from delete" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand group; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand config; and not __fish_seen_subcommand_from get set unset" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand config; and not __fish_seen_subcommand_from get set unset" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand config; and not __fish_seen_subcommand_from get set unset" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand config; and not __fish_seen_subcommand_from get set unset" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand config; and not __fish_seen_subcommand_from get set unset" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand config; and not __fish_seen_subcommand_from get set unset" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand config; and not __fish_seen_subcommand_from get set unset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand config; and not __fish_seen_subcommand_from get set unset" -f -a "get" -d 'Tell settings, their values and defaults; with -v also their types and what they mean'
complete -c runnel -n "__fish_runnel_using_subcommand config; and not __fish_seen_subcommand_from get set unset" -f -a "set" -d 'Change settings, all or none'
complete -c runnel -n "__fish_runnel_using_subcommand config; and not __fish_seen_subcommand_from get set unset" -f -a "unset" -d 'Return settings to their defaults, all or none'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from get" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from get" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from get" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from get" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from get" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from get" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from get" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from set" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from set" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from set" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from set" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from set" -l dry-run -d 'Check everything, change nothing'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from set" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from unset" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from unset" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from unset" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from unset" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from unset" -l dry-run -d 'Check everything, change nothing'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from unset" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from unset" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from unset" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand config; and __fish_seen_subcommand_from unset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and not __fish_seen_subcommand_from info" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and not __fish_seen_subcommand_from info" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and not __fish_seen_subcommand_from info" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and not __fish_seen_subcommand_from info" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and not __fish_seen_subcommand_from info" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and not __fish_seen_subcommand_from info" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and not __fish_seen_subcommand_from info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and not __fish_seen_subcommand_from info" -f -a "info" -d 'Tell who answers, where, and how much it holds'
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and __fish_seen_subcommand_from info" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and __fish_seen_subcommand_from info" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and __fish_seen_subcommand_from info" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and __fish_seen_subcommand_from info" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and __fish_seen_subcommand_from info" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and __fish_seen_subcommand_from info" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and __fish_seen_subcommand_from info" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand cluster; and __fish_seen_subcommand_from info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -l listen -d 'Where to listen, besides the data directory\'s socket; may be given several times [default: 127.0.0.1:9092]' -r
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -l config -d 'A configuration file: TOML, with Kafka\'s names as keys' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -l set -d 'A setting, before the file\'s; may be given several times' -r
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -l log-format -d 'How to log on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object a line'"
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -l insecure -d 'Listen on other than loopback addresses though anybody there may then read and write everything'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -l launched -d 'Started in the background by a command, which wants to know when the directory is in use'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -l autostarted -d 'Started by a command: only the socket, and leave when idle'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -f -a "start" -d 'Start the local broker in the background, unless it runs'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -f -a "stop" -d 'Stop the local broker; everything acknowledged is on disk'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and not __fish_seen_subcommand_from start stop status" -f -a "status" -d 'Tell whether the local broker runs'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -l listen -d 'Where to listen, besides the data directory\'s socket; may be given several times [default: 127.0.0.1:9092]' -r
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -l config -d 'A configuration file: TOML, with Kafka\'s names as keys' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -l set -d 'A setting, before the file\'s; may be given several times' -r
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -l log-format -d 'How to log on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object a line'"
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -l insecure -d 'Listen on other than loopback addresses though anybody there may then read and write everything'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -l launched -d 'Started in the background by a command, which wants to know when the directory is in use'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -l autostarted -d 'Started by a command: only the socket, and leave when idle'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from start" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from stop" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from stop" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from stop" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from stop" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from stop" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from stop" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from status" -s o -l output -d 'How to print' -r -f -a "table\t'Columns for people'
json\t'JSON'
yaml\t'YAML'
name\t'Names only, one a line'"
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from status" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from status" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from status" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from status" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand broker; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand dash" -l size -d 'The picture\'s size [default: the terminal\'s, else 120x40]' -r
complete -c runnel -n "__fish_runnel_using_subcommand dash" -s o -l output -d 'What to print' -r -f -a "text\t'As it looks'
json\t'The figures behind it'"
complete -c runnel -n "__fish_runnel_using_subcommand dash" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand dash" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand dash" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand dash" -l once -d 'Print one picture and exit'
complete -c runnel -n "__fish_runnel_using_subcommand dash" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand dash" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand dash" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand dash" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand demo" -l size -d 'The picture\'s size [default: the terminal\'s, else 120x40]' -r
complete -c runnel -n "__fish_runnel_using_subcommand demo" -l duration -d 'How long to go on [default: until you leave; 4s before the one picture]' -r
complete -c runnel -n "__fish_runnel_using_subcommand demo" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand demo" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand demo" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand demo" -l once -d 'Print one picture and exit, as happens without a terminal'
complete -c runnel -n "__fish_runnel_using_subcommand demo" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand demo" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand demo" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand completions" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand completions" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand completions" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand completions" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand completions" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand completions" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c runnel -n "__fish_runnel_using_subcommand man" -s b -l broker -d 'The broker: HOST:PORT, or unix:PATH; without it, the local broker' -r
complete -c runnel -n "__fish_runnel_using_subcommand man" -l data -d 'The local broker\'s data directory [default: runnel in the user\'s data directory]' -r -F
complete -c runnel -n "__fish_runnel_using_subcommand man" -l color -d 'When to use colour; `auto` means on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is `dumb`'
always\t'Always'
never\t'Never'"
complete -c runnel -n "__fish_runnel_using_subcommand man" -l no-autostart -d 'Never start a local broker (RUNNEL_AUTOSTART=never says the same)'
complete -c runnel -n "__fish_runnel_using_subcommand man" -s q -l quiet -d 'Say nothing on stderr but errors'
complete -c runnel -n "__fish_runnel_using_subcommand man" -s v -l verbose -d 'Say more on stderr; twice: still more'
complete -c runnel -n "__fish_runnel_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
