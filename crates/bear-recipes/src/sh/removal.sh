# Taking bear's brokers off a host: what bear put there goes, and nothing else. What that is stands in bear's marks.

emqx_remove() {
    if docker_for_removal; then
        container_remove bear-emqx 120
    fi
    rm -rf "$root/etc/bear/emqx" "$root/etc/bear/emqx.password" "$root/etc/bear/emqx.api"
    rm -f "$root/etc/sysctl.d/60-bear-emqx.conf"
    before=$root/var/lib/bear/host-limits.before
    if [ -s "$before" ]; then
        run 30 sysctl -e -q -p "$before" || :
        rm -f "$before"
    fi
    unmark emqx.files
    unmark host-limits.files
    paid emqx
    unmark emqx
}

# A package that was there before stays, as idle as it was.
mosquitto_package_remove() {
    adopted=no
    ! marked mosquitto adopted || adopted=yes
    rm -f "$root/etc/mosquitto/conf.d/bear.conf" "$root/etc/mosquitto/bear.passwords" \
        "$root/etc/mosquitto/bear.certificate.pem" "$root/etc/mosquitto/bear.authorities.pem" \
        "$root/etc/mosquitto/bear.key.pem" "$root/etc/bear/mosquitto.users"
    if [ -n "$(apt_version mosquitto)" ]; then
        run 120 systemctl disable --now mosquitto 9>&- || :
        apt_unhold mosquitto
        [ "$adopted" = yes ] || mosquitto_purge
    fi
    unmark mosquitto.files
    unmark mosquitto-users.files
    paid mosquitto
    unmark mosquitto
}

# Purging the package takes its data along.
mosquitto_purge() {
    data=$root/var/lib/mosquitto
    if [ "$keep_data" = yes ] && [ -d "$data" ]; then
        mv "$data" "$data.bear-kept"
        apt_purge mosquitto
        rm -rf "$data"
        mv "$data.bear-kept" "$data"
    else
        apt_purge mosquitto
        rm -rf "$data"
    fi
}

mosquitto_container_remove() {
    if docker_for_removal; then
        container_remove bear-mosquitto 30
    fi
    rm -rf "$root/etc/bear/mosquitto" "$root/etc/bear/mosquitto.users"
    unmark mosquitto.files
    unmark mosquitto-users.files
    paid mosquitto
    unmark mosquitto-container
}

# A host has one broker of bear's. One that the fleet wants no more makes room for the other; its data waits for the
# day when the host is given back.
check_other_brokers() {
    for other in $other_brokers; do
        ! marked "$other" || return 1
    done
}

apply_other_brokers() {
    for other in $other_brokers; do
        ! marked "$other" || remove_broker "$other"
    done
}

remove_broker() {
    case $1 in
        emqx) emqx_remove ;;
        mosquitto) mosquitto_package_remove ;;
        mosquitto-container) mosquitto_container_remove ;;
    esac
}

check_brokers_gone() {
    other_brokers='emqx mosquitto mosquitto-container'
    check_other_brokers
    if marked emqx-data || marked mosquitto-data; then [ "$keep_data" = yes ]; fi
    [ -z "$(noted images)" ]
}

apply_brokers_gone() {
    other_brokers='emqx mosquitto mosquitto-container'
    apply_other_brokers
    if ! marked emqx-data && ! marked mosquitto-data && [ -z "$(noted images)" ]; then return; fi
    if docker_for_removal; then
        images_remove
        [ "$keep_data" = no ] || return 0
        drop_data emqx-data bear-emqx-data bear-emqx-log
        drop_data mosquitto-data bear-mosquitto-data
    else
        # Somebody took Docker away, and what was in it can't be reached.
        unmark images
        unmark emqx-data
        unmark mosquitto-data
    fi
}

# drop_data MARK VOLUME…
drop_data() {
    marked "$1" || return 0
    unmark_later=$1
    shift
    for volume; do
        quiet 60 docker volume rm -f "$volume" >/dev/null || :
        if quiet 30 docker volume inspect "$volume" >/dev/null; then
            refuse not_so "the volume $volume could not be removed"
        fi
    done
    unmark "$unmark_later"
}
