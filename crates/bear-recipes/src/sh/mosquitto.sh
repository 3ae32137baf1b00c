# Mosquitto from the distribution's package.

# A broker that runs and is none of bear's is somebody's. A package that is there and does not run is taken over, and
# stays when bear's own part goes.
check_mosquitto_package() {
    if ! marked mosquitto && quiet 30 systemctl is-active --quiet mosquitto; then
        refuse broker_other "mosquitto runs on this host, and bear did not install it"
    fi
    marked mosquitto
    apt_is "$mosquitto_version" mosquitto
    apt_held mosquitto
    fact mosquitto.version "$(apt_version mosquitto)"
}

apply_mosquitto_package() {
    if ! marked mosquitto; then
        if [ -n "$(apt_version mosquitto)" ]; then mark mosquitto adopted; else mark mosquitto installed; fi
    fi
    if ! apt_is "$mosquitto_version" mosquitto; then
        apt_offers mosquitto "$mosquitto_version"
        owe_restart mosquitto
        apt_install "mosquitto=$mosquitto_version"
    fi
    run 60 apt-mark hold mosquitto
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
}

apply_mosquitto_users() {
    owe_restart mosquitto
    rm -f "$root/etc/bear/mosquitto.users"
    if [ -z "$mosquitto_users" ]; then
        rm -f "$root/etc/mosquitto/bear.passwords"
        return
    fi
    [ -d "$root/etc/mosquitto" ] || install -d -m 755 "$root/etc/mosquitto"
    # Hashing happens in memory: the passwords themselves never lie in the broker's folder.
    printf '%s' "$mosquitto_users" >"$scratch/passwords"
    run 60 mosquitto_passwd -U "$scratch/passwords"
    put 640 root:mosquitto "$root/etc/mosquitto/bear.passwords" "$(cat "$scratch/passwords")
"
    rm -f "$scratch/passwords"
    put 600 root:root "$root/etc/bear/mosquitto.users" "$mosquitto_users"
}

check_mosquitto_configuration() {
    holds 644 root:root "$root/etc/mosquitto/conf.d/bear.conf" "$mosquitto_configuration"
}

apply_mosquitto_configuration() {
    owe_restart mosquitto
    put 644 root:root "$root/etc/mosquitto/conf.d/bear.conf" "$mosquitto_configuration"
}

check_mosquitto_running() {
    owes_nothing mosquitto
    quiet 30 systemctl is-enabled --quiet mosquitto
    quiet 30 systemctl is-active --quiet mosquitto
}

apply_mosquitto_running() {
    run 60 systemctl enable mosquitto
    run 120 systemctl restart mosquitto 9>&- || mosquitto_refuse
    # A broker that ends right after its start is restarted by systemd, and looks active in between.
    sleep 1
    quiet 30 systemctl is-active --quiet mosquitto || mosquitto_refuse
    paid_restart mosquitto
}

mosquitto_refuse() {
    run 30 journalctl -u mosquitto -q --no-pager -o cat -n 20 >"$scratch/journal" 2>&1 || :
    cat "$scratch/journal"
    if grep -qi 'address already in use' "$scratch/journal"; then
        refuse port_taken "$(grep -i 'address already in use' "$scratch/journal" | tail -n 1)"
    fi
    refuse not_ready "mosquitto does not stay up: $(tail -n 1 "$scratch/journal")"
}

# What bear put there goes; a package that was there before stays, and starts with its own settings again.
check_mosquitto_gone() {
    [ ! -e "$root/var/lib/bear/mosquitto" ]
    [ ! -e "$root/etc/mosquitto/conf.d/bear.conf" ]
}

apply_mosquitto_gone() {
    adopted=no
    ! marked mosquitto adopted || adopted=yes
    rm -f "$root/etc/mosquitto/conf.d/bear.conf" "$root/etc/mosquitto/bear.passwords" "$root/etc/bear/mosquitto.users"
    if [ -n "$(apt_version mosquitto)" ]; then
        run 120 systemctl disable --now mosquitto 9>&- || :
        if [ "$adopted" = yes ]; then
            run 60 apt-mark unhold mosquitto
        elif marked mosquitto; then
            apt_remove mosquitto
        fi
    fi
    if [ "$adopted" = no ] && [ "$mosquitto_keep_data" = no ]; then
        rm -rf "$root/var/lib/mosquitto"
    fi
    paid_restart mosquitto
    unmark mosquitto
}
