# What is on the host, changed by nothing. A fact that is not said is not so.

check_observe() {
    for word in fleet lineage instance token; do
        fact "host.owner.$word" "$(owner_says "$word")"
    done
    host_identity
    host_facts
    changed=$(changed_files)
    [ -z "$changed" ] || changed=$(printf '%s\n' "$changed" | sed "s|^$root/|/|" | paste -s -d ' ' -)
    fact host.changed_files "$changed"
    if command -v docker >/dev/null || command -v dockerd >/dev/null; then
        docker_package_facts
    fi
    if command -v docker >/dev/null; then
        observe_docker
    fi
    mosquitto_package_facts
    observe_file emqx.configuration "$root/etc/bear/emqx/settings.env"
    observe_file mosquitto.configuration "$root/etc/bear/mosquitto/mosquitto.conf"
    observe_file mosquitto.configuration "$root/etc/mosquitto/conf.d/bear.conf"
}

apply_observe() {
    :
}

# observe_file NAME FILE: the digest of what the file holds.
observe_file() {
    [ -f "$2" ] || return 0
    sum=$(sha256sum "$2")
    fact "$1" "${sum%% *}"
}

# Files that are not as bear left them, or gone.
changed_files() {
    for name in emqx host-limits mosquitto mosquitto-users; do
        [ -s "$root/var/lib/bear/$name.files" ] || continue
        ! sealed "$name" || continue
        quiet 30 sha256sum -c "$root/var/lib/bear/$name.files" | sed -n 's/: FAILED.*//p' || :
    done
}

observe_docker() {
    server=$(docker_server)
    [ -n "$server" ] || return 0
    fact docker.version "$server"
    for broker in emqx mosquitto; do
        ! container_exists "bear-$broker" || container_facts "$broker"
    done
    observe_emqx
}

# A failed login counts towards a lock; the good one after it takes it back.
observe_emqx() {
    [ -s "$root/etc/bear/emqx.password" ] && [ -s "$root/etc/bear/emqx.api" ] || return 0
    emqx_api=$(cat "$root/etc/bear/emqx.api")
    ! emqx_login '"public"' || code=accepted
    case $code in
        accepted) fact emqx.default_password accepted ;;
        401) fact emqx.default_password refused ;;
    esac
    if ! emqx_login "$(cat "$root/etc/bear/emqx.password")"; then
        [ "$code" != 401 ] || fact emqx.password fails
        return 0
    fi
    fact emqx.password works
    emqx_says /api/v5/nodes '"node_status":"running"' || return 0
    fact emqx.version "$(printf '%s' "$said" | sed -n 's/.*"version":"\([^"]*\)".*/\1/p')"
    fact emqx.node "$(printf '%s' "$said" | sed -n 's/.*"node":"\([^"]*\)".*/\1/p')"
}
