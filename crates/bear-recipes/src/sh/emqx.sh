# EMQX in a container. Its user has the number 1000.

# The dashboard is asked from the host itself: the older images have nothing to ask with.
check_emqx_tools() {
    command -v curl >/dev/null
}

apply_emqx_tools() {
    apt_get update || :
    apt_install curl
}

check_emqx_host_limits() {
    holds 644 root:root "$root/etc/sysctl.d/60-bear-emqx.conf" "$emqx_sysctl"
}

apply_emqx_host_limits() {
    put 644 root:root "$root/etc/sysctl.d/60-bear-emqx.conf" "$emqx_sysctl"
    # What this kernel does not know or does not let be set is no reason to stop: EMQX runs with less.
    run 30 sysctl -e -q -p "$root/etc/sysctl.d/60-bear-emqx.conf" || :
}

# The password of the first boot needs no restart: once the user exists, EMQX looks at it no more. It stays all the
# same, because a node that leaves its cluster starts with an empty table of users.
check_emqx_files() {
    holds 444 root:root "$root/etc/bear/emqx/settings.env" "$emqx_settings"
    holds 400 1000:1000 "$root/etc/bear/emqx/keys.env" "$emqx_keys"
    holds 400 1000:1000 "$root/etc/bear/emqx/first-boot.env" "$emqx_first_boot"
}

apply_emqx_files() {
    if ! holds 444 root:root "$root/etc/bear/emqx/settings.env" "$emqx_settings" ||
        ! holds 400 1000:1000 "$root/etc/bear/emqx/keys.env" "$emqx_keys"; then
        owe_restart emqx
    fi
    put 444 root:root "$root/etc/bear/emqx/settings.env" "$emqx_settings"
    put 400 1000:1000 "$root/etc/bear/emqx/keys.env" "$emqx_keys"
    put 400 1000:1000 "$root/etc/bear/emqx/first-boot.env" "$emqx_first_boot"
}

check_emqx_container() {
    owes_nothing emqx
    container_is bear-emqx "$emqx_digest"
}

# A shell reads the settings and then becomes what the image would have started.
emqx_start='set -a; for file in /run/bear/*.env; do . "$file"; done; set +a; exec "$@"'

apply_emqx_container() {
    mark emqx installed
    set -- --label "bear.configuration=$emqx_digest" --hostname bear-emqx --entrypoint /bin/sh \
        --sysctl net.core.somaxconn=32768 --sysctl 'net.ipv4.ip_local_port_range=1024 65535' \
        -v "$root/etc/bear/emqx:/run/bear:ro" -v bear-emqx-data:/opt/emqx/data -v bear-emqx-log:/opt/emqx/log
    for port in $emqx_publish; do
        set -- "$@" -p "$port"
    done
    set -- "$@" "$image_reference" -c "$emqx_start" bear
    words=$(quiet 30 docker image inspect --format \
        '{{range .Config.Entrypoint}}{{println .}}{{end}}{{range .Config.Cmd}}{{println .}}{{end}}' "$image_reference")
    IFS='
'
    for word in $words; do
        set -- "$@" "$word"
    done
    unset IFS
    # EMQX takes up to two minutes to stop.
    container_run bear-emqx 120 "$@"
    paid_restart emqx
}

# emqx_http METHOD PATH [BODY]: the status of the answer, whose body lies in `answer`; 000 if there is none. What is
# secret travels in files in memory, never among the words of the command.
emqx_http() {
    {
        printf 'request = "%s"\nnoproxy = "*"\nheader = "Content-Type: application/json"\n' "$1"
        [ -z "${token:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$token"
        [ -z "${3:-}" ] || printf 'data-binary = "@%s"\n' "$scratch/body"
    } >"$scratch/curl"
    printf '%s' "${3:-}" >"$scratch/body"
    : >"$scratch/answer"
    quiet 40 curl -s -m 30 -K "$scratch/curl" -o "$scratch/answer" -w '%{http_code}' "http://$emqx_api$2" || :
    rm -f "$scratch/curl" "$scratch/body"
}

# emqx_login PASSWORD-AS-JSON: the status of the answer in `code`, and the token.
emqx_login() {
    token=
    code=$(emqx_http POST /api/v5/login "{\"username\":\"admin\",\"password\":$1}")
    [ "$code" = 200 ] || return 1
    token=$(tr -d ' \n' <"$scratch/answer" | sed -n 's/.*"token":"\([^"]*\)".*/\1/p')
    rm -f "$scratch/answer"
}

# emqx_says PATH WORD…: whether the answer, without spaces, has all of these in it.
emqx_says() {
    [ "$(emqx_http GET "$1")" = 200 ] || return 1
    shift
    said=$(tr -d ' \n' <"$scratch/answer")
    for word; do
        case $said in
            *"$word"*) ;;
            *) return 1 ;;
        esac
    done
}

# emqx_up: 200 alone means nothing: a broker that is not running answers with it too.
emqx_up() {
    [ "$(emqx_http GET /status)" = 200 ] || return 1
    grep -q 'is started' "$scratch/answer" && grep -q 'is running' "$scratch/answer"
}

# emqx_wait SECONDS COMMAND…: until the command says yes twice in a row. A node that joins a cluster says it is
# running, and stops all its listeners a moment later. An answer may take its time, so the clock counts too.
emqx_wait() {
    seconds=$1 left=$1 yes=0
    shift
    ticks
    until=$((now + seconds * 100))
    while [ "$yes" -lt 2 ]; do
        if "$@"; then yes=$((yes + 1)); else yes=0; fi
        [ "$yes" -lt 2 ] || break
        # Most are up within seconds; the others are not asked more often than it takes to answer.
        pause=1
        [ "$left" -gt $((seconds - 20)) ] || pause=5
        left=$((left - pause))
        ticks
        [ "$left" -gt 0 ] && [ "$now" -lt "$until" ] || return 1
        sleep "$pause"
    done
}

emqx_refuse_not_ready() {
    run 30 docker logs --tail 15 bear-emqx || :
    refuse not_ready "$1"
}

# The default password first: since 5.9 failed logins lock the user, and a good one forgives them.
check_emqx_password() {
    holds 600 root:root "$root/etc/bear/emqx.password" "$emqx_password"
    emqx_login '"public"' || [ "$code" = 401 ]
    [ "$code" = 401 ]
    emqx_login "$emqx_password"
    fact emqx.default_password refused
}

apply_emqx_password() {
    emqx_wait 180 emqx_up || emqx_refuse_not_ready "$emqx_node did not say that it runs within 180s"
    if ! emqx_login "$emqx_password"; then
        [ "$code" = 401 ] || emqx_refuse_not_ready "a login is answered with $code"
        emqx_change_password
    fi
    put 600 root:root "$root/etc/bear/emqx.password" "$emqx_password"
    ! emqx_login '"public"' || refuse default_password "admin can log in with the password public"
    emqx_login "$emqx_password"
}

# The one before is what bear itself set and saw working, or the one of every new EMQX.
emqx_change_password() {
    before='"public"'
    [ ! -s "$root/etc/bear/emqx.password" ] || before=$(cat "$root/etc/bear/emqx.password")
    emqx_login "$before" || emqx_login '"public"' ||
        refuse unknown_password "admin has a password that neither the fleet nor this host knows"
    code=$(emqx_http "$emqx_change_method" /api/v5/users/admin/change_pwd "{\"old_pwd\":$before,\"new_pwd\":$emqx_password}")
    [ "$code" = 204 ] || refuse not_ready "a new password is answered with $code: $(head -c 300 "$scratch/answer")"
    emqx_login "$emqx_password"
}

# What the plan wanted is there: the node under its name, the version, every listener.
emqx_whole() {
    emqx_up || return 1
    emqx_says /api/v5/nodes "\"node\":\"$emqx_node\"" "\"version\":\"$emqx_version\"" || return 1
    for kind in $emqx_listeners; do
        emqx_says "/api/v5/listeners?type=$kind" "\"id\":\"$kind:default\"" '"running":true' || return 1
        case $said in
            *'"running":false'* | *'"running":"inconsistent"'*) return 1 ;;
        esac
    done
}

check_emqx_ready() {
    emqx_login "$emqx_password"
    emqx_whole
    sleep 0.2
    emqx_whole
    fact emqx.version "$emqx_version"
    fact emqx.node "$emqx_node"
}

apply_emqx_ready() {
    emqx_wait 120 emqx_up || emqx_refuse_not_ready "$emqx_node did not say that it runs within 120s"
    emqx_login "$emqx_password" || emqx_refuse_not_ready "a login is answered with $code"
    emqx_wait 120 emqx_whole || emqx_refuse_not_ready "$emqx_node lacks its version, its name or a listener; it says: $(head -c 300 "$scratch/answer")"
}

check_emqx_gone() {
    [ ! -e "$root/var/lib/bear/emqx" ]
    [ ! -e "$root/etc/bear/emqx" ]
}

apply_emqx_gone() {
    if command -v docker >/dev/null; then
        container_remove bear-emqx 120
        if [ "$emqx_keep_data" = no ]; then
            quiet 60 docker volume rm -f bear-emqx-data bear-emqx-log || :
        fi
        quiet 120 docker image rm "$image_reference" || :
    fi
    rm -rf "$root/etc/bear/emqx" "$root/etc/bear/emqx.password"
    rm -f "$root/etc/sysctl.d/60-bear-emqx.conf"
    paid_restart emqx
    unmark emqx
}
