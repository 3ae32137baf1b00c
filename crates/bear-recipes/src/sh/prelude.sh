# What every script of bear begins with. The values stand above, each as one quoted assignment; below stand the
# functions of the recipes and `main`, which names their blocks. Nothing runs before the last line has arrived, so
# a script that was cut off on its way does nothing.

export LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 077

# say WORD...: one line for bear. Nobody listening any more is a reason to stop.
say() {
    printf 'bear:%s %s\n' "$nonce" "$*" >&3 || exit 120
}

# fact NAME VALUE: something learned about the host. A value is one line.
fact() {
    say fact "$1" "$(printf '%s' "$2" | head -n 1)"
}

# why CAUSE TEXT...: why the block is about to fail.
why() {
    : >"$scratch/why"
    say why "$@"
}

# refuse CAUSE TEXT...: ends the block for a reason of its own.
refuse() {
    why "$@"
    exit 1
}

# run SECONDS COMMAND...: a command with a deadline. It doesn't get the stream of reports, so that nothing it leaves
# behind holds the connection open.
run() {
    limit=$1
    shift
    timeout -k 10 "$limit" "$@" 3>&- && return 0
    status=$?
    case $status in
        124 | 137) why timeout "$1 took longer than ${limit}s" ;;
    esac
    printf '(exit status %s of: %s)\n' "$status" "$*"
    return "$status"
}

# quiet SECONDS COMMAND...: a question with a deadline: only its standard output and its exit status count.
quiet() {
    limit=$1
    shift
    timeout -k 10 "$limit" "$@" 2>/dev/null 3>&-
}

# put MODE OWNER FILE TEXT: the file holds the text, all of it or what it held before. `printf` is part of the shell,
# so the text is in nobody's argument list.
put() {
    [ -d "${3%/*}" ] || install -d -m 755 "${3%/*}"
    rm -f "$3.bear-new"
    printf '%s' "$4" >"$3.bear-new"
    settle "$1" "$2" "$3"
}

# settle MODE OWNER FILE: `FILE.bear-new` takes the place of the file in one move.
settle() {
    chown "$2" "$3.bear-new"
    chmod "$1" "$3.bear-new"
    sync "$3.bear-new"
    mv -f "$3.bear-new" "$3"
}

# holds MODE OWNER FILE TEXT: whether `put` has nothing to do.
holds() {
    is_file "$1" "$2" "$3" && [ "$(cat "$3" && printf .)" = "$4." ]
}

# is_file MODE OWNER FILE: whether it is a file of this mode and owner, given by name or by number.
is_file() {
    [ -f "$3" ] && [ ! -L "$3" ] || return 1
    case "$(stat -c '%a %U:%G|%a %u:%g' "$3")" in
        "$1 $2|"* | *"|$1 $2") return 0 ;;
        *) return 1 ;;
    esac
}

# A service that runs on older settings than those on disk owes a restart. The mark is made before the settings
# change and goes away after the restart, so a cut between the two is made good by the next run.
owe_restart() {
    put 600 root:root "$root/var/lib/bear/$1.owes-restart" ''
}

owes_nothing() {
    [ ! -e "$root/var/lib/bear/$1.owes-restart" ]
}

paid_restart() {
    rm -f "$root/var/lib/bear/$1.owes-restart"
}

# mark NAME WORD: remembers what bear did with something on this host, for the day when it is to go: `installed` if
# it was not there before, `adopted` if it was.
mark() {
    put 600 root:root "$root/var/lib/bear/$1" "$2"
}

# marked NAME [WORD]: whether bear had to do with it, in that way if a way is given.
marked() {
    [ -e "$root/var/lib/bear/$1" ] && [ "$(cat "$root/var/lib/bear/$1")" = "${2:-$(cat "$root/var/lib/bear/$1")}" ]
}

unmark() {
    rm -f "$root/var/lib/bear/$1"
}

# ticks: hundredths of a second since the host started, in `now`. No clock that somebody sets can disturb it.
ticks() {
    read -r now _ </proc/uptime
    now=${now%.*}${now#*.}
}

# over WORD BLOCK BEGAN [STATUS]: a block came to its end.
over() {
    ticks
    took=$((now - $3))
    say "$1" "$2" "$(printf '%d.%02d' $((took / 100)) $((took % 100)))" ${4:+"$4"}
}

# block NAME FUNCTION: check; if it is not so, apply and check again. Each runs in a subshell of its own where the
# first command that fails ends it. None may stand in a condition: that would switch this off.
block() {
    say start "$1"
    ticks
    began=$now
    rm -f "$scratch/why"
    (
        set -eu
        "check_$2"
    ) >"$scratch/log" 2>&1
    if [ $? -eq 0 ]; then
        over ok "$1" "$began"
        return
    fi
    [ -e "$scratch/why" ] && failed "$1" "$began" 1
    (
        set -eu
        "apply_$2"
    ) >"$scratch/log" 2>&1
    status=$?
    [ $status -eq 0 ] || failed "$1" "$began" $status
    (
        set -eu
        "check_$2"
    ) >>"$scratch/log" 2>&1
    if [ $? -ne 0 ]; then
        [ -e "$scratch/why" ] || why not_so "it was applied, and still is not so"
        failed "$1" "$began" 1
    fi
    over changed "$1" "$began"
}

# failed NAME BEGAN STATUS: says the last lines of the block, and that the script ends here.
failed() {
    if grep -qi 'no space left on device' "$scratch/log"; then
        why disk_full "$(df -P "$root/" | tail -n 1)"
    fi
    tail -n 20 "$scratch/log" | cut -c 1-1000 | while IFS= read -r line || [ -n "$line" ]; do
        say last "$1" "$line"
    done
    over failed "$1" "$2" "$3"
    say end failed
    exit 1
}

# open: one bear at a time on a host. The scratch folder is in memory, so that a full disk can still be told of.
open() {
    scratch=$root/run/bear
    if ! install -d -m 700 "$scratch"; then
        say why no_privileges "can't make $scratch: bear must be root on the host, or be let in by sudo"
        say end failed
        exit 1
    fi
    if ! command -v flock >/dev/null; then
        return
    fi
    exec 9>"$scratch/lock"
    if ! flock -w "$lock_wait_seconds" 9; then
        say why host_busy "another bear is at work on this host and was so for ${lock_wait_seconds}s"
        say end failed
        exit 1
    fi
}
