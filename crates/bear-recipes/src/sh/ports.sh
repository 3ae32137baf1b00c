# Who listens on a port.

# port_holder PORT: who does, in words; nothing if nobody does, or if nothing on the host can tell. Docker may pass a
# port on without a process of its own, so it is asked first.
port_holder() {
    if command -v docker >/dev/null; then
        holder=$(quiet 20 docker ps --filter "publish=$1" --format '{{.Names}}' | head -n 1 || :)
        if [ -n "$holder" ]; then
            printf 'the container %s' "$holder"
            return
        fi
    fi
    port_process "$1"
}

# port_process PORT: the same without a question to Docker.
port_process() {
    command -v ss >/dev/null || return 0
    # Without the right to look into a process there is no name, as for the processes of other containers.
    line=$(ask ss -Hltnp "sport = :$1" || :)
    line=${line%%"$line_break"*}
    case $line in
        '') ;;
        *'users:(("'*'",pid='*)
            line=${line#*'users:(("'}
            number=${line#*'",pid='}
            printf '%s (process %s)' "${line%%'"'*}" "${number%%[!0-9]*}"
            ;;
        *) printf 'a process that does not show' ;;
    esac
}

# listening PROCESS PORT...: in `own` the ports of IPv4 on which this process listens, if one is given, in `others` those of
# anybody else, each between spaces. The kernel names those that listen first, and is asked byte by byte, so nothing more
# is read once all these ports have come; to ask it by a program takes twice as long even so. What belongs to a
# user who is not root is that of the process which runs as this user: a service that has one of its own shares it with
# nobody. Of root's, the process itself must have the socket.
listening() {
    own=' ' others=' ' user='' sockets=''
    [ -z "$1" ] || process_user "$1" || :
    [ "$user" != 0 ] || sockets=$(answer ls -l "/proc/$1/fd") || :
    shift
    [ -r /proc/net/tcp ] || return 0
    while read -r _ local _ state _ _ _ uid _ inode _; do
        case $state in
            0A) ;;
            st) continue ;;
            *) break ;;
        esac
        its=no
        case $user in
            '') ;;
            0) case $sockets in *"socket:[$inode]"*) its=yes ;; esac ;;
            "$uid") its=yes ;;
        esac
        case $its in
            yes) own="$own$((0x${local##*:})) " ;;
            no) others="$others$((0x${local##*:})) " ;;
        esac
        ! each_in "$own$others" "$@" || return 0
    done </proc/net/tcp
}

# process_user PROCESS: the number of the user that it runs as, in `user`.
process_user() {
    [ -r "/proc/$1/status" ] || return 1
    while read -r key value _; do
        [ "$key" != Uid: ] || user=$value
        [ -z "$user" ] || return 0
    done <"/proc/$1/status"
}

# each_in PORTS PORT...: whether all of these are among those between spaces.
each_in() {
    all=$1
    shift
    for port; do
        case $all in
            *" $port "*) ;;
            *) return 1 ;;
        esac
    done
}

# none_in PORTS PORT...: whether none of them is.
none_in() {
    all=$1
    shift
    for port; do
        case $all in
            *" $port "*) return 1 ;;
        esac
    done
}

# refuse_taken WHO PORT…: ends the block if somebody holds one of the ports, as port_holder or port_process says.
refuse_taken() {
    who=$1
    shift
    if [ "$who" = port_process ]; then
        # One question for all of them, for mostly nobody does.
        wanted=
        for port; do
            wanted="$wanted${wanted:+ or }sport = :$port"
        done
        listened=$(answer ss -Hltn "$wanted") || listened=unknown
        [ -n "$listened" ] || return 0
    fi
    for port; do
        holder=$("$who" "$port")
        [ -z "$holder" ] || refuse port_taken "port $port is taken by $holder"
    done
}
