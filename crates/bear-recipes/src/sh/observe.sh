# What is on the host, changed by nothing. A fact that is not said is not so.

check_observe() {
    ! [ -s "$root/etc/bear/owner" ] || fact host.owner "$(cat "$root/etc/bear/owner")"
    host_identity
    fact host.system "$ID $VERSION_ID"
    fact host.architecture "$host_arch"
    fact host.clock "$(date +%s)"
    fact host.memory_kib "$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)"
    fact host.disk_free_kib "$(df -Pk "$root/" | awk 'END { print $4 }')"
    if command -v docker >/dev/null; then
        observe_docker
    fi
    if [ -n "$(apt_version mosquitto)" ]; then
        fact mosquitto.version "$(apt_version mosquitto)"
        ! quiet 30 systemctl is-active --quiet mosquitto || fact mosquitto.running yes
        observe_file mosquitto.configuration "$root/etc/mosquitto/conf.d/bear.conf"
    fi
}

apply_observe() {
    :
}

# observe_file NAME FILE: the digest of what the file holds.
observe_file() {
    ! [ -f "$2" ] || fact "$1" "$(sha256sum "$2" | cut -d ' ' -f 1)"
}

observe_docker() {
    server=$(quiet 20 docker info --format '{{.ServerVersion}}' || :)
    [ -n "$server" ] || return 0
    fact docker.version "$server"
    for package in docker-ce docker.io; do
        version=$(apt_version "$package")
        [ -z "$version" ] || fact docker.package "$version"
    done
    observe_container emqx
    observe_container mosquitto
    observe_file emqx.configuration "$root/etc/bear/emqx/settings.env"
    ! [ -e "$root/etc/bear/mosquitto/mosquitto.conf" ] ||
        observe_file mosquitto.configuration "$root/etc/bear/mosquitto/mosquitto.conf"
    # A failed login counts towards a lock; the good one after it takes it back.
    if [ -s "$root/etc/bear/emqx.password" ]; then
        ! emqx_login '"public"' || code=accepted
        case $code in
            accepted) fact emqx.default_password accepted ;;
            401) fact emqx.default_password refused ;;
        esac
        ! emqx_login "$(cat "$root/etc/bear/emqx.password")" || fact emqx.password works
    fi
}

# observe_container NAME: the container that bear made for this broker.
observe_container() {
    container_exists "bear-$1" || return 0
    fact "$1.container" "$(quiet 30 docker inspect --type container --format '{{.State.Status}}' "bear-$1")"
    fact "$1.image" "$(quiet 30 docker inspect --type container --format '{{.Config.Image}}' "bear-$1")"
    fact "$1.image_id" "$(quiet 30 docker inspect --type container --format '{{.Image}}' "bear-$1")"
    fact "$1.container_configuration" "$(quiet 30 docker inspect --type container \
        --format '{{index .Config.Labels "bear.configuration"}}' "bear-$1")"
}
