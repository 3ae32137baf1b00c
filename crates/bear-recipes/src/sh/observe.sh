# What is on the host, changed by nothing. A fact that is not said is not so.

check_observe() {
    together=yes
    observe_owner
    if [ "$observe_host" = yes ]; then
        host_identity
        host_facts
    fi
    observe_files
    if command -v docker >/dev/null || command -v dockerd >/dev/null; then
        docker_package_facts
    fi
    if command -v docker >/dev/null; then
        observe_docker
    fi
    mosquitto_package_facts
    tell
}

apply_observe() {
    :
}

# The same of a broker that came from a package, to a host where bear put no Docker.
check_observe_package() {
    together=yes
    observe_owner
    observe_text mosquitto "$root/etc/mosquitto/conf.d/bear.conf" || observe_files
    mosquitto_package_facts
    tell
}

apply_observe_package() {
    :
}

observe_owner() {
    [ -e "$root/etc/bear/owner" ] || return 0
    while read -r word value; do
        case $word in
            fleet | lineage | instance | token) fact "host.owner.$word" "$value" ;;
        esac
    done <"$root/etc/bear/owner"
}

# The digests of the settings, and which of the files that bear wrote are not as it left them, or gone. All of them are
# read by one program.
observe_files() {
    emqx=$root/etc/bear/emqx/settings.env
    container=$root/etc/bear/mosquitto/mosquitto.conf
    package=$root/etc/mosquitto/conf.d/bear.conf
    set -- "$emqx" "$container" "$package"
    for name in emqx host-limits mosquitto mosquitto-users; do
        list=$root/var/lib/bear/$name.files
        [ -s "$list" ] || continue
        while read -r _ file; do
            set -- "$@" "$file"
        done <"$list"
    done
    sums=$line_break$(answer sha256sum "$@")$line_break || :
    changed=
    for name in emqx host-limits mosquitto mosquitto-users; do
        list=$root/var/lib/bear/$name.files
        [ -s "$list" ] || continue
        while IFS= read -r line; do
            file=${line#*  }
            case $sums in
                *"$line_break$line$line_break"*) ;;
                *) changed="$changed${changed:+ }${file#"$root"}" ;;
            esac
        done <"$list"
    done
    fact host.changed_files "$changed"
    observe_file emqx.configuration "$emqx"
    observe_file mosquitto.configuration "$container"
    observe_file mosquitto.configuration "$package"
}

# observe_file NAME FILE: its digest, if there is one among the sums.
observe_file() {
    before=${sums%"  $2$line_break"*}
    [ "$before" = "$sums" ] || fact "$1" "${before##*"$line_break"}"
}

# observe_text NAME FILE: where this short file is all that bear wrote, what it holds, with a tab for each line break, and
# the digest of what bear wrote. To compare them takes bear less than it takes a host to start the program. Fails where
# there is more to look at, or what it holds can't be told that way.
observe_text() {
    for name in emqx host-limits mosquitto-users; do
        [ ! -s "$root/var/lib/bear/$name.files" ] || return 1
    done
    [ -s "$root/var/lib/bear/$1.files" ] && [ -f "$2" ] || return 1
    more='' text='' tab='	'
    { IFS= read -r seal && ! IFS= read -r more; } <"$root/var/lib/bear/$1.files" || return 1
    [ "${seal#*  }$more" = "$2" ] || return 1
    while IFS= read -r line; do
        case $line in *"$tab"*) return 1 ;; esac
        text=$text$line$tab
        [ "${#text}" -le 2000 ] || return 1
    done <"$2"
    # What stands behind the last line break.
    case $line in *"$tab"*) return 1 ;; esac
    fact "$1.seal" "${seal%%  *}"
    fact "$1.text" "$text$line"
}

observe_docker() {
    server=$(docker_server)
    [ -n "$server" ] || return 0
    fact docker.version "$server"
    for broker in emqx mosquitto; do
        container_look "bear-$broker" || continue
        image_look "$container_image" || image_digest=''
        container_facts "$broker"
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
    emqx_get /api/v5/nodes
    emqx_next '"node_status":"running"' || return 0
    fact emqx.version "$(printf '%s' "$said" | sed -n 's/.*"version":"\([^"]*\)".*/\1/p')"
    fact emqx.node "$(printf '%s' "$said" | sed -n 's/.*"node":"\([^"]*\)".*/\1/p')"
}
