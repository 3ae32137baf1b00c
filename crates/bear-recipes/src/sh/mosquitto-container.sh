# Mosquitto in a container, from Eclipse's image. Its user has the number 1883.

check_mosquitto_settings() {
    holds 644 root:root "$root/etc/bear/mosquitto/mosquitto.conf" "$mosquitto_configuration"
    holds_or_none 644 root:root "$root/etc/bear/mosquitto/certificate.pem" "$tls_chain"
    holds_or_none 644 root:root "$root/etc/bear/mosquitto/authorities.pem" "$tls_authorities"
    holds_or_none 400 1883:1883 "$root/etc/bear/mosquitto/key.pem" "$tls_key"
    sealed mosquitto
}

apply_mosquitto_settings() {
    owe_restart mosquitto
    put_or_drop 644 root:root "$root/etc/bear/mosquitto/certificate.pem" "$tls_chain"
    put_or_drop 644 root:root "$root/etc/bear/mosquitto/authorities.pem" "$tls_authorities"
    put_or_drop 400 1883:1883 "$root/etc/bear/mosquitto/key.pem" "$tls_key"
    put 644 root:root "$root/etc/bear/mosquitto/mosquitto.conf" "$mosquitto_configuration"
    # shellcheck disable=SC2046  # A list of words.
    seal mosquitto $(find "$root/etc/bear/mosquitto" -type f ! -name passwords | sort)
}

# The hashes are salted, so they can't be compared with a password. What they were made from is kept beside them, for
# root alone; it is written last, so it never stands there without them.
check_mosquitto_passwords() {
    if [ -z "$mosquitto_users" ]; then
        [ ! -e "$root/etc/bear/mosquitto.users" ] && [ ! -e "$root/etc/bear/mosquitto/passwords" ]
        return
    fi
    holds 600 root:root "$root/etc/bear/mosquitto.users" "$mosquitto_users"
    is_file 400 1883:1883 "$root/etc/bear/mosquitto/passwords"
    if grep -qv '^[^:]*:\$[67]\$' "$root/etc/bear/mosquitto/passwords"; then return 1; fi
    sealed mosquitto-users
}

apply_mosquitto_passwords() {
    owe_reload mosquitto
    rm -f "$root/etc/bear/mosquitto.users"
    if [ -z "$mosquitto_users" ]; then
        rm -f "$root/etc/bear/mosquitto/passwords"
        unmark mosquitto-users.files
        return
    fi
    # The image has the program that hashes. It reads and writes a folder in memory.
    install -d -m 700 "$scratch/hash"
    printf '%s' "$mosquitto_users" >"$scratch/hash/passwords"
    run 120 docker run --rm --network none --user 0:0 --entrypoint mosquitto_passwd -v "$scratch/hash:/hash" \
        "$image_reference" -U /hash/passwords
    put 400 1883:1883 "$root/etc/bear/mosquitto/passwords" "$(cat "$scratch/hash/passwords")
"
    rm -rf "$scratch/hash"
    seal mosquitto-users "$root/etc/bear/mosquitto/passwords"
    put 600 root:root "$root/etc/bear/mosquitto.users" "$mosquitto_users"
}

check_mosquitto_container() {
    owes_nothing mosquitto
    container_is bear-mosquitto "$mosquitto_digest"
    container_facts mosquitto
}

apply_mosquitto_container() {
    container_was=known
    marked mosquitto-container || container_was=unknown
    mark mosquitto-container installed
    mark mosquitto-data made
    if container_is bear-mosquitto "$mosquitto_digest" && ! owes_restart mosquitto; then
        # New users only: nobody who is connected has to come back.
        run 30 docker kill --signal HUP bear-mosquitto
    else
        mosquitto_start
    fi
    restarts=$(container_restarts bear-mosquitto)
    for second in 1 2 3; do
        sleep 1
        if ! container_is bear-mosquitto "$mosquitto_digest" || container_ended bear-mosquitto "$restarts"; then
            container_refuse bear-mosquitto "the broker does not stay up $second seconds"
        fi
    done
    paid mosquitto
}

mosquitto_start() {
    set -- --label "bear.configuration=$mosquitto_digest" \
        -v "$root/etc/bear/mosquitto:/mosquitto/config:ro" -v bear-mosquitto-data:/mosquitto/data
    for port in $mosquitto_publish; do
        set -- "$@" -p "$port"
    done
    container_run bear-mosquitto 30 "$@" "$image_reference"
}
