# Mosquitto from the distribution's package.

# A broker that runs, or starts with the host, is somebody's. A package that is there and idle, in the very version that
# is wanted, is taken over, and stays when bear's own part goes.
check_mosquitto_package() {
    if ! marked mosquitto && service_look mosquitto && [ "$active" = yes ]; then
        refuse broker_other "mosquitto runs on this host, and bear did not install it"
    fi
    marked mosquitto
    apt_look mosquitto
    [ "$version $held" = "$mosquitto_version yes" ]
    fact mosquitto.package "$mosquitto_version"
}

apply_mosquitto_package() {
    if ! marked mosquitto; then
        there=$(apt_version mosquitto)
        case $there in
            '') mark mosquitto installed ;;
            "$mosquitto_version") mark mosquitto adopted ;;
            *) refuse broker_other "mosquitto $there is installed, and bear did not install it" ;;
        esac
    fi
    if ! apt_is "$mosquitto_version" mosquitto; then
        apt_offers mosquitto "$mosquitto_version"
        owe_restart mosquitto
        apt_install "mosquitto=$mosquitto_version"
    fi
    apt_hold mosquitto
}

# The hashes are salted, so they can't be compared with a password. What they were made from is kept beside them, for
# root alone; it is written last, so it never stands there without them.
check_mosquitto_users() {
    if [ -z "$mosquitto_users" ]; then
        [ ! -e "$root/etc/bear/mosquitto.users" ] && [ ! -e "$root/etc/mosquitto/bear.passwords" ]
        return
    fi
    holds 600 root:root "$root/etc/bear/mosquitto.users" "$mosquitto_users"
    is_file 640 root:mosquitto "$root/etc/mosquitto/bear.passwords"
    # Nothing but hashes: `name:$6$…` or `name:$7$…`.
    if grep -qv '^[^:]*:\$[67]\$' "$root/etc/mosquitto/bear.passwords"; then return 1; fi
    sealed mosquitto-users
}

apply_mosquitto_users() {
    # A broker that has no file of users yet learns of it from settings that want a restart anyway.
    owe_reload mosquitto
    rm -f "$root/etc/bear/mosquitto.users"
    if [ -z "$mosquitto_users" ]; then
        rm -f "$root/etc/mosquitto/bear.passwords"
        unmark mosquitto-users.files
        return
    fi
    [ -d "$root/etc/mosquitto" ] || install -d -m 755 "$root/etc/mosquitto"
    # Hashing happens in memory: the passwords themselves never lie in the broker's folder.
    printf '%s' "$mosquitto_users" >"$scratch/passwords"
    run 60 mosquitto_passwd -U "$scratch/passwords"
    put 640 root:mosquitto "$root/etc/mosquitto/bear.passwords" "$(cat "$scratch/passwords")
"
    rm -f "$scratch/passwords"
    seal mosquitto-users "$root/etc/mosquitto/bear.passwords"
    put 600 root:root "$root/etc/bear/mosquitto.users" "$mosquitto_users"
}

check_mosquitto_configuration() {
    holds 644 root:root "$root/etc/mosquitto/conf.d/bear.conf" "$mosquitto_configuration"
    holds_or_none 644 root:root "$root/etc/mosquitto/bear.certificate.pem" "$tls_chain"
    holds_or_none 644 root:root "$root/etc/mosquitto/bear.authorities.pem" "$tls_authorities"
    holds_or_none 640 root:mosquitto "$root/etc/mosquitto/bear.key.pem" "$tls_key"
    # What the files hold was just compared; their digests are known.
    [ -s "$root/var/lib/bear/mosquitto.files" ]
    folder=$root/etc/mosquitto
    mosquitto_sums
    says "$root/var/lib/bear/mosquitto.files" "$sums"
}

# The mark and the seal are written before the first of the new files takes its place, and need not be on the disk by then:
# a host that loses its power starts the broker with what is there, and a seal that was cut off fits no file, and is mended.
apply_mosquitto_configuration() {
    folder=$root/etc/mosquitto
    draft_or_drop 644 root:root "$folder/bear.certificate.pem" "$tls_chain"
    draft_or_drop 644 root:root "$folder/bear.authorities.pem" "$tls_authorities"
    draft_or_drop 640 root:mosquitto "$folder/bear.key.pem" "$tls_key"
    draft 644 root:root "$folder/conf.d/bear.conf" "$mosquitto_configuration"
    echo owed >"$root/var/lib/bear/mosquitto.owes-restart"
    mosquitto_sums
    printf '%s' "$sums" >"$root/var/lib/bear/mosquitto.files"
    settle "$folder/bear.certificate.pem" "$folder/bear.authorities.pem" "$folder/bear.key.pem" "$folder/conf.d/bear.conf"
}

# What sha256sum says of these files, in `sums`: bear knew it before.
mosquitto_sums() {
    sums="$mosquitto_sum  $folder/conf.d/bear.conf$line_break"
    [ -z "$tls_chain" ] || sums="$sums$tls_chain_sum  $folder/bear.certificate.pem$line_break"
    [ -z "$tls_authorities" ] || sums="$sums$tls_authorities_sum  $folder/bear.authorities.pem$line_break"
    [ -z "$tls_key" ] || sums="$sums$tls_key_sum  $folder/bear.key.pem$line_break"
}

check_mosquitto_running() {
    owes_nothing mosquitto
    listener=
    mosquitto_listens || { [ -n "$applied" ] && mosquitto_settles; }
    mosquitto_is_up || service_is_up mosquitto
}

# What systemd would say of it, without the cost of asking: the process that listens is the service's own, and the link
# is there by which the service starts with the host.
mosquitto_is_up() {
    [ -n "$listener" ] && mosquitto_is_wanted || return 1
    while IFS= read -r line; do
        case $line in
            */mosquitto.service) return 0 ;;
        esac
    done <"/proc/$listener/cgroup"
    return 1
}

mosquitto_is_wanted() {
    [ -e "$root/etc/systemd/system/multi-user.target.wants/mosquitto.service" ]
}

# Every port of the settings is its own. A host without the program that tells is believed.
mosquitto_listens() {
    command -v ss >/dev/null || return 0
    if command -v docker >/dev/null; then
        for port in $mosquitto_ports; do
            case "$(port_holder "$port")" in
                'mosquitto (process '*) ;;
                *) return 1 ;;
            esac
        done
        return
    fi
    # Where there is no Docker, the service's own process has all of them, and nobody else has one beside it.
    if service_process mosquitto; then
        # shellcheck disable=SC2086  # A list of words.
        listening "$process" $mosquitto_ports
        # shellcheck disable=SC2086  # A list of words.
        each_in "$own" $mosquitto_ports && none_in "$others" $mosquitto_ports && listener=$process && return
    fi
    # Where the kernel does not tell of services, one question is enough. It tells the process, too.
    wanted=
    for port in $mosquitto_ports; do
        wanted="$wanted${wanted:+ or }sport = :$port"
    done
    table=$(ask ss -Hltnp "$wanted" || :)
    for port in $mosquitto_ports; do
        line=${table#*":$port "}
        case ${line%%"$line_break"*} in
            "$table") return 1 ;;
            *'users:(("mosquitto",pid='*)
                listener=${line#*'users:(("mosquitto",pid='}
                listener=${listener%%[!0-9]*}
                ;;
            *) return 1 ;;
        esac
    done
}

# Mosquitto tells systemd that it is ready once it listens. Where it does not, it is waited for.
mosquitto_settles() {
    tries=0
    until mosquitto_listens; do
        tries=$((tries + 1))
        [ "$tries" -le 100 ] || mosquitto_refuse
        sleep 0.1
    done
}

apply_mosquitto_running() {
    # Where this link is, a restart is all that there is to do.
    if ! owes_restart mosquitto || ! mosquitto_is_wanted; then
        service_look mosquitto
        # Enabling makes systemd read all of its units again.
        [ "$enabled" = yes ] || run 60 systemctl enable mosquitto
    fi
    if owes_restart mosquitto || owes_nothing mosquitto || [ "$active" = no ]; then
        job restart mosquitto 9>&- || mosquitto_refuse
    else
        # New users only: nobody who is connected has to come back.
        job reload mosquitto 9>&- || mosquitto_refuse
    fi
    paid mosquitto
}

mosquitto_refuse() {
    quiet 30 journalctl -u mosquitto -q --no-pager -o cat -n 20 >"$scratch/journal" || :
    quiet 30 tail -n 20 "$root/var/log/mosquitto/mosquitto.log" >>"$scratch/journal" || :
    tail -n 20 "$scratch/journal"
    for port in $mosquitto_ports; do
        holder=$(port_holder "$port")
        case $holder in
            '' | 'mosquitto (process '*) ;;
            *) refuse port_taken "port $port is taken by $holder" ;;
        esac
    done
    refuse broker_crashes "mosquitto does not stay up: $(grep -i error "$scratch/journal" | tail -n 1 | grep . || tail -n 1 "$scratch/journal")"
}

# Whether it runs and starts with the host, as the kernel and the folder of systemd tell it; where they do not, systemd is
# asked.
mosquitto_serves() {
    [ -r "$root/etc/mosquitto/conf.d/bear.conf" ] && mosquitto_is_wanted && service_process mosquitto || return 1
    mosquitto_ports=
    while read -r word value _; do
        [ "$word" != listener ] || mosquitto_ports="$mosquitto_ports $value"
    done <"$root/etc/mosquitto/conf.d/bear.conf"
    # shellcheck disable=SC2086  # A list of words.
    listening '' $mosquitto_ports
    # shellcheck disable=SC2086  # A list of words.
    [ -n "$mosquitto_ports" ] && each_in "$others" $mosquitto_ports
}

mosquitto_package_facts() {
    apt_look mosquitto
    [ -n "$version" ] || return 0
    fact mosquitto.package "$version"
    [ "$held" = no ] || fact mosquitto.held yes
    if mosquitto_serves; then active=yes enabled=yes; else service_look mosquitto; fi
    [ "$active" = no ] || fact mosquitto.running yes
    [ "$enabled" = no ] || fact mosquitto.enabled yes
}
