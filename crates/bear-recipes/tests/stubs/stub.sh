#!/bin/sh
# The programs of a host, as far as the recipes use them. This one file stands on PATH under each of their names, and
# keeps the host's truth in the folder $STUB. Every call is written down, for tests that look for secrets in it.

me=${0##*/}
printf '%s %s\n' "$me" "$*" >>"$STUB/calls"
number=0
[ -z "${CUT_AT:-}" ] || number=$(wc -l <"$STUB/calls")

# The connection is lost, and the shell with it, before or after the call of that number.
cut_here() {
    [ "${CUT_WHEN:-}" = "$1" ] || return 0
    [ "$number" -eq "${CUT_AT:-0}" ] || return 0
    kill -9 "$(cat "$STUB/shell")"
    exit 137
}

# A test can make a call fail: a file `fail/NAME` holds a pattern of the words, what is written, and the status.
fails() {
    [ -f "$STUB/fail/$me" ] || return 0
    case "$*" in
        *"$(sed -n 1p "$STUB/fail/$me")"*) ;;
        *) return 0 ;;
    esac
    sed '1,2d' "$STUB/fail/$me"
    exit "$(sed -n 2p "$STUB/fail/$me")"
}

last() {
    for last; do :; done
    printf '%s' "$last"
}

installed() {
    [ -e "$STUB/packages/$1" ]
}

apt_get() {
    case " $* " in
        *' -s '*' autoremove '*) for package in $(ls "$STUB/auto"); do echo "Remv $package [1.0]"; done ;;
        *' update '*) echo 'Hit:1 http://deb.example stable InRelease' ;;
        *' install '*) apt_install "$@" ;;
        *' purge '*)
            for word; do
                rm -f "$STUB/packages/$word" "$STUB/held/$word" "$STUB/active/$word" "$STUB/auto/$word"
            done
            ;;
    esac
}

apt_install() {
    only_say=no
    while [ "$1" != install ]; do
        [ "$1" != -s ] || only_say=yes
        shift
    done
    for word; do
        case $word in
            -* | install) continue ;;
            *=*) package=${word%%=*} version=${word#*=} ;;
            *) package=$word version=1.0 ;;
        esac
        case $word in
            *=*)
                grep -qxF "$package $version" "$STUB/available" || {
                    echo "E: Version '$version' for '$package' was not found"
                    exit 100
                }
                ;;
        esac
        if [ "$only_say" = yes ]; then
            installed "$package" || echo "Inst $package ($version stable [amd64])"
            continue
        fi
        printf '%s' "$version" >"$STUB/packages/$package"
        case $package in
            mosquitto) : >"$STUB/active/mosquitto" ;;
            docker-ce | docker.io) printf '%s' "$version" | sed 's/^5://; s/[-~+].*//' >"$STUB/docker-version" ;;
        esac
    done
}

docker_inspect() {
    name=$(last "$@")
    file=$STUB/containers/$name
    [ -e "$file" ] || exit 1
    status=$(cat "$STUB/container-status" 2>/dev/null || echo running)
    case "$*" in
        *'.State.Status}}|'*)
            set -- $(cat "$file") ''
            printf '%s|0|%s|%s|%s|%s|8083 1883 \n' "$status" "${5#sha256:}" "$5" "$6" "$4"
            ;;
        *RestartCount*) echo 0 ;;
        *'json .Config.Labels'*) [ -s "$file" ] && echo '{"bear.configuration":"x"}' || echo '{}' ;;
        *) echo "id-of-$name" ;;
    esac
}

docker_run() {
    [ -e "$STUB/active/docker" ] || exit 1
    name='' label='' image=''
    while [ $# -gt 0 ]; do
        case $1 in
            --name) name=$2 && shift ;;
            --label) label=${2#bear.configuration=} && shift ;;
            -v)
                case $2 in
                    *:/hash) hash=${2%:/hash} ;;
                    *:/run/bear:ro) settings=${2%:/run/bear:ro} ;;
                    bear-*:*) mkdir -p "$STUB/volumes/${2%%:*}" ;;
                esac
                shift
                ;;
            --restart | --stop-timeout | --ulimit | --log-opt | --log-driver | -p | --network | --user | --entrypoint | --sysctl | --hostname) shift ;;
            -*) ;;
            *) image=$1 && break ;;
        esac
        shift
    done
    if [ -n "${hash:-}" ]; then
        sed -i 's/:.*/:$7$101$c2FsdA==$aGFzaA==/' "$hash/passwords"
        return
    fi
    [ -e "$STUB/images/$(echo "$image" | tr '/:' '__')" ] || exit 125
    if [ -e "$STUB/containers/$name" ]; then
        echo "docker: Error response from daemon: Conflict. The container name \"/$name\" is already in use by container \"c0ffee\"."
        exit 125
    fi
    printf 'true false false unless-stopped sha256:%s %s\n' "$image" "$label" >"$STUB/containers/$name"
    # The first boot of EMQX: what the settings say is the password from then on, and its data bears the node's name.
    if [ -n "${settings:-}" ]; then
        for file in "$settings"/*.env; do . "$file"; done
        mkdir -p "$STUB/volumes/bear-emqx-data/mnesia/$EMQX_NODE_NAME"
        printf '%s' "$EMQX_NODE_NAME" >"$STUB/emqx-node"
        [ -e "$STUB/emqx-password" ] ||
            printf '%s' "${EMQX_DASHBOARD__DEFAULT_PASSWORD:-\"public\"}" >"$STUB/emqx-password"
    fi
    echo "id-of-$name"
}

docker_volume() {
    volume=$(last "$@")
    case $2 in
        ls) ls "$STUB/volumes" ;;
        inspect) [ -d "$STUB/volumes/$volume" ] && echo "$STUB/volumes/$volume" ;;
        rm) while [ $# -gt 3 ]; do rm -rf "$STUB/volumes/$4" && shift; done ;;
    esac
}

# The dashboard of EMQX, as recorded from 5.0.9 (PUT changes a password) and 5.8.9 (POST does).
emqx() {
    settings=$(cat "$2")
    asked=$(printf '%s' "$settings" | sed -n 's/^request = "\(.*\)"/\1/p')
    body=$(cat "$(printf '%s' "$settings" | sed -n 's/^data-binary = "@\(.*\)"/\1/p')" 2>/dev/null)
    [ -e "$STUB/containers/bear-emqx" ] || return 7
    password=$(cat "$STUB/emqx-password")
    case "$asked ${1#http://*/}" in
        'GET status') reply 200 "$(cat "$STUB/emqx-status" 2>/dev/null || printf 'Node emqx is started\nemqx is running')" ;;
        'POST api/v5/login')
            if [ "$body" = "{\"username\":\"admin\",\"password\":$password}" ]; then
                reply 200 '{"license":{"edition":"ce"},"token":"t0ken","version":"5.0.9"}'
            else
                reply 401 '{"code":"WRONG_USERNAME_OR_PWD","message":"Auth failed"}'
            fi
            ;;
        "$(cat "$STUB/emqx-method") api/v5/users/admin/change_pwd")
            case $body in "{\"old_pwd\":$password,"*) ;; *) reply 400 '{"code":"ERROR_PWD_NOT_MATCH"}' && return ;; esac
            printf '%s' "${body#*\"new_pwd\":}" | sed 's/}$//' >"$STUB/emqx-password"
            reply 204 ''
            ;;
        *change_pwd) reply 405 '' ;;
        'GET api/v5/nodes') reply 200 '[{"node":"'"$(cat "$STUB/emqx-node")"'","node_status":"running","version":"'"$(cat "$STUB/emqx-version")"'"}]' ;;
        'GET api/v5/listeners?type='*)
            kind=${1##*=}
            reply 200 '[{"enable":true,"id":"'"$kind"':default","status":{"running":'"$(cat "$STUB/emqx-$kind" 2>/dev/null || echo true)"'}}]'
            ;;
        *) reply 404 '' ;;
    esac
}

# What the settings of curl ask for, one after the other, with the status behind each.
several() {
    answer=$STUB/answer
    for url in $(sed -n 's/^url = "\(.*\)"/\1/p' "$1"); do
        : >"$answer"
        status=$(emqx "$url" "$1")
        printf '%s|%s|' "$(cat "$answer")" "${status:-000}"
    done
}

reply() {
    printf '%s' "$2" >"$answer"
    printf '%s' "$1"
}

curl() {
    url=$(last "$@") answer='' config=''
    while [ $# -gt 0 ]; do
        case $1 in
            -o) answer=$2 && shift ;;
            -K) config=$2 && shift ;;
        esac
        shift
    done
    case $url in
        '|%{http_code}|') several "$config" ;;
        http://*/status | http://*/api/*) emqx "$url" "$config" ;;
        *) cp "$STUB/key" "$answer" ;;
    esac
}

docker() {
    case "$1 ${2:-}" in
        'version '*) echo amd64 ;;
        'info '*) [ -e "$STUB/active/docker" ] && cat "$STUB/docker-version" ;;
        'image inspect')
            image=$(last "$@")
            image=${image#sha256:}
            [ -e "$STUB/images/$(echo "$image" | tr '/:' '__')" ] || exit 1
            printf 'sha256:%s|%s|%s@sha256:d1ge57 \n' "$image" "$(cat "$STUB/image-architecture" 2>/dev/null || echo amd64)" "${image%:*}"
            printf '/usr/bin/docker-entrypoint.sh\n/opt/emqx/bin/emqx\nforeground\n\n'
            ;;
        'image rm') rm -f "$STUB/images/$(last "$@" | tr '/:' '__')" ;;
        'pull '*) : >"$STUB/images/$(last "$@" | tr '/:' '__')" ;;
        'load '*) : >"$STUB/images/$(head -n 1 "$3" | tr '/:' '__')" ;;
        'inspect '*) docker_inspect "$@" ;;
        'run '*) shift && docker_run "$@" ;;
        'stop '*) : ;;
        'rm '*) rm -f "$STUB/containers/$(last "$@")" ;;
        'ps '*)
            case "$*" in
                *publish*) : ;;
                *-aq*) ls "$STUB/containers" ;;
                *) cat "$STUB/foreign-container" 2>/dev/null ;;
            esac
            ;;
        'volume '*) docker_volume "$@" ;;
        'kill '*) last "$@" >>"$STUB/reloads" ;;
        'logs '*) echo 'a line of the log' ;;
    esac
}

systemctl() {
    unit=$(last "$@")
    case $1 in
        is-active) [ -e "$STUB/active/$unit" ] ;;
        show)
            [ -e "$STUB/active/$unit" ] && echo ActiveState=active || echo ActiveState=inactive
            [ -e "$STUB/enabled/$unit" ] && echo UnitFileState=enabled || echo UnitFileState=disabled
            ;;
        is-enabled) [ -e "$STUB/enabled/$unit" ] ;;
        reload) echo "$unit" >>"$STUB/reloads" ;;
        restart | start) : >"$STUB/active/$unit" && echo "$unit" >>"$STUB/restarts" ;;
        enable)
            : >"$STUB/enabled/$unit"
            case "$*" in *--now*) : >"$STUB/active/$unit" ;; esac
            ;;
        disable) for unit; do rm -f "$STUB/enabled/$unit" "$STUB/active/$unit"; done ;;
        stop) rm -f "$STUB/active/$unit" ;;
    esac
}

main() {
    case $me in
        apt-get) apt_get "$@" ;;
        apt-cache)
            sed -n "s/^$2 \(.*\)/ $2 | \1 | http:\/\/deb.example stable\/main amd64 Packages/p" "$STUB/available"
            ;;
        apt-mark)
            case $1 in
                showhold) ls "$STUB/held" ;;
                hold) shift && for package; do : >"$STUB/held/$package"; done ;;
                unhold) shift && for package; do rm -f "$STUB/held/$package"; done ;;
                auto) shift && for package; do : >"$STUB/auto/$package"; done ;;
            esac
            ;;
        dpkg) dpkg "$@" ;;
        ip) echo '192.0.2.1 via 10.0.0.1 dev eth0 src 10.0.0.5 uid 0' ;;
        ss) for port in $(printf '%s' "$2" | tr -c '0-9\n' ' '); do listening "$port"; done ;;
        dpkg-query)
            installed "$4" || exit 1
            want=install
            [ ! -e "$STUB/held/$4" ] || want=hold
            printf '%s installed %s\n' "$want" "$(cat "$STUB/packages/$4")"
            ;;
        chown) for word; do [ ! -e "$word" ] || printf '%s' "$1" >"$STUB/owners/$(born "$word")"; done ;;
        stat)
            mode=$(stat_real -c %a "$3") owner=$(cat "$STUB/owners/$(born "$3")" 2>/dev/null || echo root:root)
            printf '%s %s|%s %s\n' "$mode" "$owner" "$mode" "$owner"
            ;;
        id) [ "$1" = -u ] && { cat "$STUB/uid" 2>/dev/null || echo 0; } || echo somebody ;;
        docker) docker "$@" ;;
        systemctl) systemctl "$@" ;;
        mosquitto_passwd) sed -i 's/:.*/:$7$101$c2FsdA==$aGFzaA==/' "$2" ;;
        curl) curl "$@" ;;
        gpg) sed -n 's/^key /fpr:::::::::/p' "$(last "$@")" | sed 's/$/:/' ;;
        cloud-init) cloud_init "$@" ;;
        ssh-keygen) ssh_keygen "$@" ;;
        snap) [ -e "$STUB/snap-docker" ] ;;
        *) : ;;
    esac
}

# Its first boot ends while somebody waits for it, if the test says how.
cloud_init() {
    case "$*" in
        *--long*) cat "$STUB/cloud-init-long" 2>/dev/null ;;
        *--wait*) [ ! -e "$STUB/cloud-init-end" ] || cp "$STUB/cloud-init-end" "$STUB/cloud-init" ;;
        *) cat "$STUB/cloud-init" 2>/dev/null || echo 'status: running' ;;
    esac
}

# A key is one line that names its public half.
ssh_keygen() {
    file=$(last "$@")
    case " $* " in
        *' -y '*) sed -n 's/^private half of \([A-Z]*\)$/ssh-ed25519 \1 comment/p' "$file" ;;
        *)
            echo 'private half of MADE' >"$file"
            echo 'ssh-ed25519 MADE bear' >"$file.pub"
            ;;
    esac
}

dpkg() {
    case $1 in
        --print-architecture) echo amd64 ;;
        --audit) cat "$STUB/halfway" 2>/dev/null ;;
        --configure) rm -f "$STUB/halfway" ;;
    esac
}

# Mosquitto listens where its settings say, as long as it runs; a test can let others listen, too.
listening() {
    who=$(cat "$STUB/listening/$1" 2>/dev/null)
    # A test lets somebody take a port in the middle of an install.
    [ "$1" != 1883 ] || [ ! -e "$STUB/late" ] || [ ! -e "$STUB/fail/docker" ] || [ -z "$(ls "$STUB/images")" ] ||
        who='"nginx",pid=7,fd=3'
    if [ -e "$STUB/active/mosquitto" ] && grep -qx "listener $1" "$STUB/../root/etc/mosquitto/conf.d/bear.conf"; then
        who='"mosquitto",pid=77,fd=5'
    fi
    [ -z "$who" ] || echo "LISTEN 0 100 0.0.0.0:$1 0.0.0.0:* users:(($who))"
}

stat_real() {
    /usr/bin/stat "$@"
}

# What tells a file from another one that gets its number after it.
born() {
    stat_real -c '%i-%w' "$1" | tr ' :' '--'
}

cut_here before
fails "$@"
(main "$@")
status=$?
cut_here after
exit $status
