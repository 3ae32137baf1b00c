# EMQX in a container. Its user has the number 1000.

# The dashboard is asked from the host itself: the older images have nothing to ask with.
check_emqx_tools() {
    command -v curl >/dev/null
}

apply_emqx_tools() {
    apt_update || cat "$scratch/update"
    apt_install curl
}

check_emqx_host_limits() {
    holds 644 root:root "$root/etc/sysctl.d/60-bear-emqx.conf" "$emqx_sysctl"
    sealed host-limits
}

# What the kernel had before is kept for the day when the host is given back.
remember_host_limits() {
    before=$root/var/lib/bear/host-limits.before
    [ ! -e "$before" ] || return 0
    keys=$(printf '%s\n' "$emqx_sysctl" | sed -n 's/^\([a-z0-9_.]*\) = .*/\1/p')
    # shellcheck disable=SC2086 # one word each
    put 600 root:root "$before" "$(quiet 30 sysctl -e $keys || :)
"
}

apply_emqx_host_limits() {
    remember_host_limits
    put 644 root:root "$root/etc/sysctl.d/60-bear-emqx.conf" "$emqx_sysctl"
    seal host-limits "$root/etc/sysctl.d/60-bear-emqx.conf"
    # What this kernel does not know or does not let be set is no reason to stop: EMQX runs with less.
    run 30 sysctl -e -q -p "$root/etc/sysctl.d/60-bear-emqx.conf" || :
}

# The name of the node, in `emqx_node`. It is looked for once, before anything is done.
emqx_name() {
    run_of='' emqx_node=''
    [ ! -e "$scratch/node" ] || read -r run_of emqx_node <"$scratch/node"
    [ "$run_of" != "$nonce" ] || return 0
    emqx_find_name
    printf '%s\n' "$nonce $emqx_node" >"$scratch/node"
}

# Data is found again under its own name only, so while there is data its name stays, whatever address the host has by
# now.
emqx_find_name() {
    emqx_node=$emqx_wanted_node
    data=$(quiet 30 docker volume inspect --format '{{.Mountpoint}}' bear-emqx-data || :)
    [ -n "$data" ] || return 0
    named=$(sed -n "s/^EMQX_NODE_NAME='\(emqx@[0-9.]*\)'$/\1/p" "$root/etc/bear/emqx/node.env" 2>/dev/null || :)
    names=$(find "$data/mnesia" -mindepth 1 -maxdepth 1 -type d -name 'emqx@*' -printf '%T@ %f\n' 2>/dev/null |
        sort -r -n | cut -d ' ' -f 2 || :)
    if [ -z "$names" ]; then
        emqx_node=${named:-$emqx_wanted_node}
        return
    fi
    for name in "$named" "$emqx_wanted_node"; do
        if printf '%s\n' "$names" | grep -qxF "$name"; then
            emqx_node=$name
            return
        fi
    done
    emqx_node=${names%%
*}
}

emqx_node_text() {
    printf "EMQX_NODE_NAME='%s'\n" "$emqx_node"
}

# What the broker reads at its start only.
emqx_start_files_hold() {
    holds 444 root:root "$root/etc/bear/emqx/settings.env" "$emqx_settings" &&
        holds 444 root:root "$root/etc/bear/emqx/node.env" "$(emqx_node_text)
" &&
        holds 400 1000:1000 "$root/etc/bear/emqx/keys.env" "$emqx_keys" &&
        holds_or_none 444 root:root "$root/etc/bear/emqx/certificate.pem" "$tls_chain" &&
        holds_or_none 444 root:root "$root/etc/bear/emqx/authorities.pem" "$tls_authorities" &&
        holds_or_none 400 1000:1000 "$root/etc/bear/emqx/key.pem" "$tls_key"
}

# The password of the first boot needs no restart: once the user exists, EMQX looks at it no more. It stays all the
# same, because a node that leaves its cluster starts with an empty table of users.
check_emqx_files() {
    emqx_name
    emqx_start_files_hold
    holds 400 1000:1000 "$root/etc/bear/emqx/first-boot.env" "$emqx_first_boot"
    holds 644 root:root "$root/etc/bear/emqx.api" "$emqx_api"
    sealed emqx
}

apply_emqx_files() {
    emqx_name
    emqx_start_files_hold || owe_restart emqx
    folder=$root/etc/bear/emqx
    draft 444 root:root "$folder/settings.env" "$emqx_settings"
    draft 444 root:root "$folder/node.env" "$(emqx_node_text)
"
    draft 400 1000:1000 "$folder/keys.env" "$emqx_keys"
    draft 400 1000:1000 "$folder/first-boot.env" "$emqx_first_boot"
    draft_or_drop 444 root:root "$folder/certificate.pem" "$tls_chain"
    draft_or_drop 444 root:root "$folder/authorities.pem" "$tls_authorities"
    draft_or_drop 400 1000:1000 "$folder/key.pem" "$tls_key"
    draft 644 root:root "$root/etc/bear/emqx.api" "$emqx_api"
    settle "$folder/settings.env" "$folder/node.env" "$folder/keys.env" "$folder/first-boot.env" \
        "$folder/certificate.pem" "$folder/authorities.pem" "$folder/key.pem" "$root/etc/bear/emqx.api"
    # shellcheck disable=SC2046  # A list of words.
    seal emqx "$root/etc/bear/emqx.api" $(find "$folder" -type f | sort)
}

check_emqx_container() {
    owes_nothing emqx
    container_is bear-emqx "$emqx_digest"
    container_facts emqx
}

# A shell reads the settings and then becomes what the image would have started.
emqx_start='set -a; for file in /run/bear/*.env; do . "$file"; done; set +a; exec "$@"'

apply_emqx_container() {
    container_was=known
    marked emqx || container_was=unknown
    mark emqx installed
    mark emqx-data made
    set -- --label "bear.configuration=$emqx_digest" --hostname bear-emqx --entrypoint /bin/sh \
        --sysctl net.core.somaxconn=32768 --sysctl 'net.ipv4.ip_local_port_range=1024 65535' \
        -v "$root/etc/bear/emqx:/run/bear:ro" -v bear-emqx-data:/opt/emqx/data -v bear-emqx-log:/opt/emqx/log
    for port in $emqx_publish; do
        set -- "$@" -p "$port"
    done
    set -- "$@" "$image_reference" -c "$emqx_start" bear
    words=$(sed 1d "$scratch/image")
    IFS='
'
    for word in $words; do
        set -- "$@" "$word"
    done
    unset IFS
    # EMQX takes up to two minutes to stop.
    container_run bear-emqx 120 "$@"
    paid emqx
    restarts=0
    emqx_await
}

# Until the broker says of itself that it runs.
emqx_await() {
    emqx_name
    emqx_wait 180 emqx_up || emqx_refuse_not_ready "$emqx_node did not say that it runs within 180s"
}

# emqx_wait SECONDS COMMAND…: until the command says yes twice in a row, a second apart. A node that joins a cluster
# says it is running, and stops all its listeners a moment later. An answer may take its time, so the clock counts too.
# A broker that ended, or is started again and again, is not waited for.
emqx_wait() {
    seconds=$1 waited=0 looked=0 yes=0
    shift
    ticks
    deadline=$((now + seconds * 100))
    while :; do
        # Most are up within seconds; the others are not asked more often than it takes to answer.
        if "$@"; then
            [ "$yes" = 0 ] || return 0
            yes=1 pause=1 waited=$((waited + 2))
        elif [ "$waited" -lt 40 ]; then
            yes=0 pause=0.5 waited=$((waited + 1))
        else
            yes=0 pause=5 waited=$((waited + 10))
        fi
        if [ "$yes" = 0 ] && [ "$waited" -ge $((looked + 5)) ]; then
            looked=$waited
            emqx_still_there
        fi
        ticks
        [ "$waited" -lt $((seconds * 2)) ] && [ "$now" -lt "$deadline" ] || return 1
        sleep "$pause"
    done
}

# Docker is asked less often than the broker: that costs more. How often it was started again counts from the first time
# on, or from the start that bear made.
emqx_still_there() {
    : "${restarts:=$(container_restarts bear-emqx)}"
    ! container_ended bear-emqx "$restarts" || container_refuse bear-emqx "the broker does not stay up"
}

emqx_refuse_not_ready() {
    run 30 docker logs --tail 15 bear-emqx || :
    refuse not_ready "$1"
}

# The default password first: since 5.9 failed logins lock the user, and a good one forgives them.
check_emqx_password() {
    holds 600 root:root "$root/etc/bear/emqx.password" "$emqx_password"
    if emqx_login '"public"'; then
        [ -z "$applied" ] || refuse default_password "admin can log in with the password public"
        return 1
    fi
    [ "$code" = 401 ]
    emqx_login "$emqx_password"
    fact emqx.default_password refused
    fact emqx.password works
}

apply_emqx_password() {
    if ! emqx_login "$emqx_password" && [ "$code" != 401 ]; then
        emqx_await
        emqx_login "$emqx_password" || [ "$code" = 401 ] || emqx_refuse_not_ready "a login is answered with $code"
    fi
    [ "$code" = 200 ] || emqx_change_password
    put 600 root:root "$root/etc/bear/emqx.password" "$emqx_password"
}

# The one before is what bear itself set and saw working, or the one of every new EMQX.
emqx_change_password() {
    before='"public"'
    [ ! -s "$root/etc/bear/emqx.password" ] || before=$(cat "$root/etc/bear/emqx.password")
    if ! emqx_login "$before"; then
        before='"public"'
        emqx_login "$before" ||
            refuse unknown_password "admin has a password that neither the fleet nor this host knows"
    fi
    code=$(emqx_http "$emqx_change_method" /api/v5/users/admin/change_pwd "{\"old_pwd\":$before,\"new_pwd\":$emqx_password}")
    [ "$code" = 204 ] || refuse not_ready "a new password is answered with $code: $(emqx_tells)"
    emqx_login "$emqx_password"
}

# What the plan wanted is there: the node under its name, the version, every listener.
emqx_whole() {
    set -- /status /api/v5/nodes
    for kind in $emqx_listeners; do
        set -- "$@" "/api/v5/listeners?type=$kind"
    done
    emqx_get "$@"
    emqx_next_is_up || return 1
    emqx_next "\"node\":\"$emqx_node\"" '"node_status":"running"' "\"version\":\"$emqx_version\"" || return 1
    for kind in $emqx_listeners; do
        emqx_next "\"id\":\"$kind:default\"" '"running":true' || return 1
        case $said in
            *'"running":false'* | *'"running":"inconsistent"'*) return 1 ;;
        esac
    done
}

check_emqx_ready() {
    emqx_name
    emqx_login "$emqx_password"
    emqx_whole
    sleep 0.2
    emqx_whole
    fact emqx.version "$emqx_version"
    fact emqx.node "$emqx_node"
}

# A listener that somebody stopped in the dashboard is started there, too: older versions take that for the newer word.
apply_emqx_ready() {
    emqx_await
    emqx_login "$emqx_password" || emqx_refuse_not_ready "a login is answered with $code"
    for kind in $emqx_listeners; do
        emqx_http POST "/api/v5/listeners/$kind:default/start" >/dev/null
    done
    emqx_wait 120 emqx_whole || emqx_refuse_not_ready "$emqx_node lacks its version, its name or a listener; it says: $(emqx_tells)"
}
