# Mosquitto from the distribution's package.

# A broker that runs, or starts with the host, is somebody's. A package that is there and idle, in the very version that
# is wanted, is taken over, and stays when bear's own part goes.
check_mosquitto_package() {
    if ! marked mosquitto && ask systemctl is-active --quiet mosquitto; then
        refuse broker_other "mosquitto runs on this host, and bear did not install it"
    fi
    marked mosquitto
    apt_is "$mosquitto_version" mosquitto
    apt_held mosquitto
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
    sealed mosquitto
}

apply_mosquitto_configuration() {
    owe_restart mosquitto
    put_or_drop 644 root:root "$root/etc/mosquitto/bear.certificate.pem" "$tls_chain"
    put_or_drop 644 root:root "$root/etc/mosquitto/bear.authorities.pem" "$tls_authorities"
    put_or_drop 640 root:mosquitto "$root/etc/mosquitto/bear.key.pem" "$tls_key"
    put 644 root:root "$root/etc/mosquitto/conf.d/bear.conf" "$mosquitto_configuration"
    # shellcheck disable=SC2046  # A list of words.
    seal mosquitto "$root/etc/mosquitto/conf.d/bear.conf" \
        $(find "$root/etc/mosquitto" -maxdepth 1 -name 'bear.*.pem' | sort)
}

check_mosquitto_running() {
    owes_nothing mosquitto
    ask systemctl is-enabled --quiet mosquitto
    ask systemctl is-active --quiet mosquitto
    mosquitto_listens
}

# Every port of the settings is its own. A host without the program that tells is believed.
mosquitto_listens() {
    command -v ss >/dev/null || return 0
    for port in $mosquitto_ports; do
        case "$(port_holder "$port")" in
            'mosquitto (process '*) ;;
            *) return 1 ;;
        esac
    done
}

apply_mosquitto_running() {
    # Enabling makes systemd read all of its units again.
    ask systemctl is-enabled --quiet mosquitto || run 60 systemctl enable mosquitto
    if owes_restart mosquitto || owes_nothing mosquitto || ! ask systemctl is-active --quiet mosquitto; then
        run 120 systemctl restart mosquitto 9>&- || mosquitto_refuse
    else
        # New users only: nobody who is connected has to come back.
        run 60 systemctl reload mosquitto 9>&- || mosquitto_refuse
    fi
    # Mosquitto tells systemd that it is ready once it listens, so a broker that ends before that has failed above.
    tries=0
    until mosquitto_listens; do
        tries=$((tries + 1))
        [ "$tries" -le 100 ] || mosquitto_refuse
        sleep 0.1
    done
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

mosquitto_package_facts() {
    version=$(apt_version mosquitto)
    [ -n "$version" ] || return 0
    fact mosquitto.package "$version"
    ! apt_held mosquitto || fact mosquitto.held yes
    ! ask systemctl is-active --quiet mosquitto || fact mosquitto.running yes
    ! ask systemctl is-enabled --quiet mosquitto || fact mosquitto.enabled yes
}
