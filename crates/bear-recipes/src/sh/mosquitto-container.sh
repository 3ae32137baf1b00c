# Mosquitto in a container, from Eclipse's image. Its user has the number 1883.

check_mosquitto_files() {
    holds 644 root:root "$root/etc/bear/mosquitto/mosquitto.conf" "$mosquitto_configuration"
    if [ -z "$mosquitto_users" ]; then
        [ ! -e "$root/etc/bear/mosquitto.users" ] && [ ! -e "$root/etc/bear/mosquitto/passwords" ]
        return
    fi
    holds 600 root:root "$root/etc/bear/mosquitto.users" "$mosquitto_users"
    is_file 400 1883:1883 "$root/etc/bear/mosquitto/passwords"
    if grep -qv '^[^:]*:\$[67]\$' "$root/etc/bear/mosquitto/passwords"; then return 1; fi
}

apply_mosquitto_files() {
    owe_restart mosquitto
    put 644 root:root "$root/etc/bear/mosquitto/mosquitto.conf" "$mosquitto_configuration"
    rm -f "$root/etc/bear/mosquitto.users"
    if [ -z "$mosquitto_users" ]; then
        rm -f "$root/etc/bear/mosquitto/passwords"
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
    put 600 root:root "$root/etc/bear/mosquitto.users" "$mosquitto_users"
}

check_mosquitto_container() {
    owes_nothing mosquitto
    container_is bear-mosquitto "$mosquitto_digest"
}

apply_mosquitto_container() {
    mark mosquitto installed
    set -- --label "bear.configuration=$mosquitto_digest" \
        -v "$root/etc/bear/mosquitto:/mosquitto/config:ro" -v bear-mosquitto-data:/mosquitto/data
    for port in $mosquitto_publish; do
        set -- "$@" -p "$port"
    done
    container_run bear-mosquitto 30 "$@" "$image_reference"
    sleep 1
    if ! container_is bear-mosquitto "$mosquitto_digest"; then
        run 30 docker logs --tail 20 bear-mosquitto
        refuse not_ready "the container of mosquitto does not stay up"
    fi
    paid_restart mosquitto
}

check_mosquitto_gone() {
    [ ! -e "$root/var/lib/bear/mosquitto" ]
    [ ! -e "$root/etc/bear/mosquitto" ]
}

apply_mosquitto_gone() {
    if command -v docker >/dev/null; then
        container_remove bear-mosquitto 30
        if [ "$mosquitto_keep_data" = no ]; then
            quiet 60 docker volume rm -f bear-mosquitto-data || :
        fi
        quiet 120 docker image rm "$image_reference" || :
    fi
    rm -rf "$root/etc/bear/mosquitto" "$root/etc/bear/mosquitto.users"
    paid_restart mosquitto
    unmark mosquitto
}
