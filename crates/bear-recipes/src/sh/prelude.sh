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

# fact NAME VALUE: something learned about the host. A value is one line. Like all that a script does often, it starts
# no process: each costs a host as much as a hundred lines of shell. Once `together` is set, facts wait for `tell`.
fact() {
    if [ -z "$together" ]; then
        say fact "$1" "${2%%"$line_break"*}"
    else
        facts="${facts}bear:$nonce fact $1 ${2%%"$line_break"*}$line_break"
    fi
}
line_break='
'
together='' facts=''

# tell: all that waits, at once. Each line that comes alone wakes three programs between the host and bear, and is for what
# takes long.
tell() {
    printf '%s' "$facts" >&3 || exit 120
    together='' facts=''
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

# run SECONDS COMMAND...: a command with a deadline. It stays in the script's process group, so that whoever ends the
# script, because its time is up or nobody is connected any more, ends the command too. It doesn't get the stream of
# reports, so that nothing it leaves behind holds the connection open.
run() {
    limit=$1
    shift
    timeout --foreground -k 10 "$limit" "$@" 3>&- && return 0
    failed_run $? "$@"
}

# finish SECONDS COMMAND...: the same for what must not be ended halfway, such as dpkg. In a process group of its own it
# goes on when the script is ended, and holds the host's lock meanwhile, so that the next script waits for it.
finish() {
    limit=$1
    shift
    timeout -k 10 "$limit" "$@" 3>&- && return 0
    failed_run $? "$@"
}

# failed_run STATUS COMMAND...: says how a command ended that did not end well.
failed_run() {
    status=$1
    shift
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
    timeout --foreground -k 10 "$limit" "$@" 2>/dev/null 3>&-
}

# ask COMMAND...: the same of what can't wait: the kernel, a file, or systemd, whose client has a deadline of its own. The
# watch over a command costs as much as most of these commands.
ask() {
    "$@" 2>/dev/null 3>&-
}

# answer COMMAND...: the same within `$(…)`, where the command takes the place of the shell: one process less. What is to
# be done if it fails stands outside.
answer() {
    exec "$@" 2>/dev/null 3>&-
}

# job WORD SERVICE: has systemd do something with a service, and waits for it. A service has a limit of its own for that,
# and the whole script has one; a third would be one more process.
job() {
    systemctl "$@" 3>&- && return 0
    printf '(exit status %s of: systemctl %s)\n' "$?" "$*"
    return 1
}

# put MODE OWNER FILE TEXT: the file holds the text, all of it or what it held before.
put() {
    draft "$@"
    settle "$3"
}

# draft MODE OWNER FILE TEXT: the text is in `FILE.bear-new`. `printf` is part of the shell, so it is in nobody's
# argument list.
draft() {
    [ -d "${3%/*}" ] || install -d -m 755 "${3%/*}"
    [ ! -e "$3.bear-new" ] || rm -f "$3.bear-new"
    # The umask makes what is secret, and what everybody may read; the rest is for chmod.
    [ "$1" != 644 ] || umask 022
    printf '%s' "$4" >"$3.bear-new"
    umask 077
    if [ "$2" != root:root ] || ! is_own "$3.bear-new"; then chown "$2" "$3.bear-new"; fi
    [ "$1" = 600 ] || [ "$1" = 644 ] || chmod "$1" "$3.bear-new"
}

# is_own FILE: whether it belongs to root and to root's group. A folder can give its own group to what is made in it.
is_own() {
    # shellcheck disable=SC3067  # Every shell that is `sh` on these systems has it.
    [ -O "$1" ] && [ -G "$1" ]
}

# settle FILE...: the draft of each takes its place in one move, where there is one; a file without a draft stays. All of
# it is on the disk before the first move, with one call, for that is what takes the time.
settle() {
    count=$#
    for file; do
        if [ -e "$file.bear-new" ]; then
            set -- "$@" "$file.bear-new"
        elif [ -e "$file" ]; then
            set -- "$@" "$file"
        fi
    done
    shift "$count"
    sync "$@"
    for file; do
        case $file in
            *.bear-new) mv -f "$file" "${file%.bear-new}" ;;
        esac
    done
}

# holds MODE OWNER FILE TEXT: whether `put` has nothing to do.
holds() {
    [ -f "$3" ] && [ ! -L "$3" ] && says "$3" "$4" || return 1
    # What this very block made for everybody to read has its mode from the umask. A program that tells it is for the rest.
    if [ "$applied $1 $2" = 'yes 644 root:root' ]; then is_own "$3"; else is_file "$1" "$2" "$3"; fi
}

# says FILE TEXT: whether the file holds this text. The shell reads byte by byte: good for a short one.
says() {
    if [ "${#2}" -gt 2000 ]; then
        [ "$(cat "$1" && printf .)" = "$2." ]
        return
    fi
    rest=$2
    while IFS= read -r line; do
        case $rest in
            "$line$line_break"*) rest=${rest#"$line$line_break"} ;;
            *) return 1 ;;
        esac
    done <"$1"
    [ "$line" = "$rest" ]
}

# is_file MODE OWNER FILE: whether it is a file of this mode and owner, given by name or by number.
is_file() {
    [ -f "$3" ] && [ ! -L "$3" ] || return 1
    case "$(stat -c '%a %U:%G|%a %u:%g' "$3")" in
        "$1 $2|"* | *"|$1 $2") return 0 ;;
        *) return 1 ;;
    esac
}

# put_or_drop MODE OWNER FILE TEXT: the file holds the text; there is none if the text is empty.
put_or_drop() {
    draft_or_drop "$@"
    [ -z "$4" ] || settle "$3"
}

# draft_or_drop MODE OWNER FILE TEXT: the same, but what is new is a draft.
draft_or_drop() {
    if [ -n "$4" ]; then
        draft "$@"
    elif [ -e "$3" ] || [ -e "$3.bear-new" ]; then
        rm -f "$3" "$3.bear-new"
    fi
}

# holds_or_none MODE OWNER FILE TEXT: whether `put_or_drop` has nothing to do.
holds_or_none() {
    if [ -n "$4" ]; then holds "$@"; else [ ! -e "$3" ]; fi
}

# seal NAME FILE...: notes how bear left these files, so that a change by hand is seen later, in secrets too.
seal() {
    sealing=$1
    shift
    put 600 root:root "$root/var/lib/bear/$sealing.files" "$(sha256sum "$@")
"
}

# sealed NAME: whether those files are as bear left them.
sealed() {
    [ -s "$root/var/lib/bear/$1.files" ]
    ask sha256sum -c --status "$root/var/lib/bear/$1.files"
}

# A service that runs on older settings than those on disk owes a restart, or a reload where that will do. The mark is
# made before the settings change and is made empty after the restart, so a cut between the two is made good by the next
# run.
owe_restart() {
    echo owed >"$root/var/lib/bear/$1.owes-restart"
    sync "$root/var/lib/bear/$1.owes-restart"
}

owe_reload() {
    echo owed >"$root/var/lib/bear/$1.owes-reload"
    sync "$root/var/lib/bear/$1.owes-reload"
}

owes_restart() {
    [ -s "$root/var/lib/bear/$1.owes-restart" ]
}

owes_nothing() {
    [ ! -s "$root/var/lib/bear/$1.owes-restart" ] && [ ! -s "$root/var/lib/bear/$1.owes-reload" ]
}

paid() {
    for mark in "$root/var/lib/bear/$1.owes-restart" "$root/var/lib/bear/$1.owes-reload"; do
        [ ! -s "$mark" ] || : >"$mark"
    done
}

# service_look NAME: what systemd says of it, in one answer: whether it is `active`, and `enabled`, that is, starts with
# the host.
service_look() {
    active=no enabled=no
    shown=$line_break$(answer systemctl show -p ActiveState -p UnitFileState "$1")$line_break || :
    case $shown in
        *"${line_break}ActiveState=active$line_break"* | *"${line_break}ActiveState=reloading$line_break"*) active=yes ;;
    esac
    state=${shown##*"${line_break}UnitFileState="}
    case ${state%%"$line_break"*} in
        enabled | enabled-runtime | static | alias | indirect | generated) enabled=yes ;;
    esac
}

# service_process NAME: a process of this service, in `process`, where the kernel tells of it: without asking systemd,
# which costs more than all else that is asked.
service_process() {
    process=
    for groups in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
        [ ! -r "$groups/system.slice/$1.service/cgroup.procs" ] ||
            read -r process <"$groups/system.slice/$1.service/cgroup.procs" || :
        [ -z "$process" ] || return 0
    done
    return 1
}

# service_is_up NAME: whether it runs, and starts with the host.
service_is_up() {
    service_look "$1"
    [ "$active $enabled" = 'yes yes' ]
}

# mark NAME WORD: remembers what bear did with something on this host, for the day when it is to go: `installed` if
# it was not there before, `adopted` if it was.
mark() {
    put 600 root:root "$root/var/lib/bear/$1" "$2"
}

# marked NAME [WORD]: whether bear had to do with it, in that way if a way is given.
marked() {
    [ -e "$root/var/lib/bear/$1" ] || return 1
    [ $# -eq 1 ] || says "$root/var/lib/bear/$1" "$2"
}

unmark() {
    rm -f "$root/var/lib/bear/$1"
}

# note LIST LINE...: adds lines to a list of what bear did on this host, each once.
note() {
    list=$1
    shift
    put 600 root:root "$root/var/lib/bear/$list" "$({ noted "$list" && printf '%s\n' "$@"; } | sort -u)
"
}

# noted LIST: the lines of such a list.
noted() {
    ! [ -e "$root/var/lib/bear/$1" ] || cat "$root/var/lib/bear/$1"
}

# ticks: hundredths of a second since the host started, in `now`. No clock that somebody sets can disturb it.
ticks() {
    read -r now _ </proc/uptime
    now=${now%.*}${now#*.}
}

# over WORD BLOCK BEGAN [STATUS]: a block came to its end.
over() {
    ticks
    took=$((now - $3 + 100))
    rest=${took#"${took%??}"}
    say "$1" "$2" "$((took / 100 - 1)).$rest" ${4:+"$4"}
}

# block NAME CHECK APPLY: check; if it is not so, apply and check again, with `applied` for the check to know. They run in
# subshells where the first command that fails ends it; a subshell is a copy of all of this, so what is applied is checked
# in the same one. None may stand in a condition: that would switch this off.
block() {
    say start "$1"
    ticks
    began=$now applied=
    [ ! -e "$scratch/why" ] || rm -f "$scratch/why"
    (
        set -eu
        "$2"
    ) >"$scratch/log" 2>&1
    if [ $? -eq 0 ]; then
        over ok "$1" "$began"
        return
    fi
    [ -e "$scratch/why" ] && failed "$1" "$began" 1
    (
        set -eu
        "$3"
        echo "$nonce $1" >"$scratch/applied"
        applied=yes
        "$2"
    ) >"$scratch/log" 2>&1
    status=$?
    if [ $status -ne 0 ]; then
        says "$scratch/applied" "$nonce $1$line_break" 2>/dev/null || failed "$1" "$began" $status
        [ -e "$scratch/why" ] || why not_so "it was applied, and still is not so"
        failed "$1" "$began" 1
    fi
    over changed "$1" "$began"
}

# disk_is_full LOG: whether that is what the log says, in the words of the system, of apt or of Docker.
disk_is_full() {
    grep -qiE 'no space left on device|have enough free space' "$1"
}

# fullest: which of the file systems that bear fills has the least room, and how much.
fullest() {
    df -P "$root/" "$root/var" "$root/var/cache/apt" "$root/var/lib/docker" 2>/dev/null | sed 1d | sort -n -k 4 |
        awk 'NR == 1 { printf "%s has %d MiB left", $6, $4 / 1024 }'
}

# failed NAME BEGAN STATUS: says the last lines of the block, and that the script ends here.
failed() {
    ! disk_is_full "$scratch/log" || why disk_full "$(fullest)"
    tail -n 20 "$scratch/log" | cut -c 1-1000 | while IFS= read -r line || [ -n "$line" ]; do
        say last "$1" "$line"
    done
    over failed "$1" "$2" "$3"
    say end failed
    exit 1
}

# enter: the scratch folder is in memory, so that a full disk can still be told of.
enter() {
    scratch=$root/run/bear
    [ -d "$scratch" ] || install -d -m 700 "$scratch"
    # Unlike `:`, a program that can't write does not end the shell.
    if ! { true >>"$scratch/lock"; } 2>/dev/null; then
        say why no_privileges "can't write to $scratch: bear must be root on the host, or be let in by sudo"
        say end failed
        exit 1
    fi
}

# begin_work: one bear at a time on a host. While one is at work the file of its lock is not empty, and so it stays if that
# one is cut off or fails.
begin_work() {
    enter
    wait_for_others
    echo at work >"$scratch/lock"
}

end_work() {
    : >"$scratch/lock"
}

# begin_look: a look waits for whoever is at work, and keeps nobody from it. With nobody at work it has no lock to wait for,
# which would take a process.
begin_look() {
    enter
    [ ! -s "$scratch/lock" ] || wait_for_others
}

end_look() {
    :
}

wait_for_others() {
    command -v flock >/dev/null || return 0
    exec 9>>"$scratch/lock"
    if ! flock -w "$lock_wait_seconds" 9; then
        say why host_busy "another bear is at work on this host and was so for ${lock_wait_seconds}s"
        say end failed
        exit 1
    fi
}
