# Images and containers.

# The server's own word for its version, without what packages add: `20.10.24+dfsg1` is `20.10.24`.
docker_server() {
    answer=$(quiet 20 docker info --format '{{.ServerVersion}}' || :)
    printf '%s' "${answer%%[-+~]*}"
}

# image_id REFERENCE: what the host has under this name; nothing if it has none.
image_id() {
    quiet 30 docker image inspect --format '{{.Id}}' "$1" || :
}

# image_digest ID: the name and the digest by which a registry knows it; nothing if it came from a file.
image_digest() {
    quiet 30 docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" | grep -m 1 . || :
}

check_image() {
    [ -n "$(image_id "$image_reference")" ]
    made_for=$(quiet 30 docker image inspect --format '{{.Architecture}}' "$image_reference")
    runs_on=$(quiet 30 docker version --format '{{.Server.Arch}}')
    [ "$made_for" = "$runs_on" ] ||
        refuse image_architecture "$image_reference is made for $made_for, and the host runs $runs_on"
}

apply_image() {
    # What bear brings, it takes away again.
    note images "$image_reference"
    if [ -n "$image_file" ]; then
        [ -f "$image_file" ] || refuse image_file_absent "there is no file $image_file on the host"
        run 1800 docker load -i "$image_file"
        [ -n "$(image_id "$image_reference")" ] || refuse image_absent "$image_file holds another image than $image_reference"
        return
    fi
    tries=0
    until image_watch && run 1800 docker pull -q "$image_reference" >"$scratch/pull" 2>&1; do
        tries=$((tries + 1))
        cat "$scratch/pull"
        image_cause >"$scratch/cause"
        cat "$scratch/cause"
        ! disk_is_full "$scratch/cause" || refuse disk_full "$image_reference does not fit: $(fullest)"
        if grep -qiE "$image_is_absent" "$scratch/cause"; then
            refuse image_absent "$image_reference: $(grep -m 1 -iE "$image_is_absent" "$scratch/cause")"
        fi
        [ "$tries" -lt 3 ] || refuse image_unreachable "$image_reference: $(grep -m 1 . "$scratch/cause")"
        sleep $((tries * 3))
    done
}

image_is_absent='manifest unknown|manifest for .* not found|repository .* not found|no matching manifest|does not exist|access denied'

# From here on, Docker's log is about the next pull.
image_watch() {
    ! command -v journalctl >/dev/null ||
        cursor=$(quiet 30 journalctl -u docker -q --no-pager -n 0 --show-cursor | sed -n 's/^-- cursor: //p' || :)
}

# image_cause: why a pull failed. Where a mirror is set up, Docker goes on to the public registry and reports only what
# that said; what the mirror said stands in Docker's own log.
image_cause() {
    if [ -n "${cursor:-}" ]; then
        quiet 30 journalctl -u docker -q --no-pager -o cat --after-cursor "$cursor" |
            grep -iE 'pull after error|pulling image|no space left' | sed 's/^.*msg="//; s/"$//; s/\\"/"/g' | head -n 3 || :
    fi
    grep -v '^(exit status' "$scratch/pull" | tail -n 3 || :
}

# An image that a file would bring may be on the host already.
check_image_look() {
    if [ -n "$(image_id "$image_reference")" ]; then fact image.present yes; else fact image.present no; fi
}

apply_image_look() {
    :
}

# container_is NAME CONFIGURATION: whether it runs from the image, with these settings.
container_is() {
    [ "$(quiet 30 docker inspect --type container --format \
        '{{.State.Running}} {{.State.Restarting}} {{.State.Paused}} {{.HostConfig.RestartPolicy.Name}} {{.Image}} {{index .Config.Labels "bear.configuration"}}' "$1")" = \
        "true false false unless-stopped $(image_id "$image_reference") $2" ]
}

# container_exists NAME: whether there is one, running or not.
container_exists() {
    quiet 30 docker inspect --type container --format '{{.Id}}' "$1" >/dev/null
}

# container_ours NAME: whether bear made it.
container_ours() {
    quiet 30 docker inspect --type container --format '{{json .Config.Labels}}' "$1" | grep -q '"bear.configuration"'
}

# container_restarts NAME: how often Docker started it again.
container_restarts() {
    quiet 30 docker inspect --type container --format '{{.RestartCount}}' "$1" | grep . || echo 0
}

# container_ended NAME RESTARTS: whether it came to an end, or comes to one again and again since it had so many.
container_ended() {
    case "$(quiet 30 docker inspect --type container --format '{{.State.Status}}' "$1")" in
        exited | dead) return 0 ;;
    esac
    [ "$(container_restarts "$1")" -ge $(($2 + 2)) ]
}

# container_refuse NAME WHAT: for a container that does not stay up. One that is just being started again has written
# its first lines after those that say why it ended.
container_refuse() {
    timeout --foreground -k 10 30 docker logs --tail 30 "$1" >"$scratch/lines" 2>&1 3>&- || :
    cat "$scratch/lines"
    because=$(grep -iE 'error|fatal|crash|denied|refused|failed' "$scratch/lines" | tail -n 1 || :)
    [ -n "$because" ] || because=$(grep . "$scratch/lines" | tail -n 1 || :)
    refuse broker_crashes "$2: ${because:-it writes no log}"
}

# container_facts BROKER: how the container that bear made for this broker is.
container_facts() {
    line=$(quiet 30 docker inspect --type container --format '{{.State.Status}}|{{.RestartCount}}|{{.Config.Image}}|{{.Image}}|{{index .Config.Labels "bear.configuration"}}|{{.HostConfig.RestartPolicy.Name}}|{{range .HostConfig.PortBindings}}{{range .}}{{.HostPort}} {{end}}{{end}}' "bear-$1")
    image=$(printf '%s' "$line" | cut -d '|' -f 4)
    IFS='|'
    # shellcheck disable=SC2086  # Fields.
    set -- "$1" $line
    unset IFS
    fact "$1.container" "$2"
    fact "$1.restarts" "$3"
    fact "$1.image" "$4"
    fact "$1.image_id" "$5"
    fact "$1.image_digest" "$(image_digest "$image")"
    fact "$1.made_with" "$6"
    fact "$1.restart_policy" "$7"
    fact "$1.ports" "${8:-}"
}

# container_run NAME SECONDS-TO-STOP OPTION… IMAGE [WORD…]: takes the place of the container of that name.
container_run() {
    name=$1 stop=$2
    shift 2
    container_remove "$name" "$stop"
    # Newer versions of containerd leave a container with 1024 open files. Root without the right to raise its own
    # limit can't raise a container's either.
    files=1048576
    # shellcheck disable=SC3045  # Every shell that is `sh` on these systems has it.
    (ulimit -n "$files") 2>/dev/null || files=$(ulimit -H -n)
    run 120 docker run -d --name "$name" --restart unless-stopped --stop-timeout "$stop" \
        --ulimit "nofile=$files:$files" --log-driver json-file --log-opt max-size=50m --log-opt max-file=3 \
        "$@" >"$scratch/run" 2>&1 && return
    cat "$scratch/run"
    # What could not start holds the name.
    quiet 60 docker rm -f -v "$name" || :
    port=$(sed -n -e 's/.*[bB]ind for [^ ]*:\([0-9]*\) failed.*/\1/p' -e 's/.*listen [^ ]* [^ ]*:\([0-9]*\): bind: address already in use.*/\1/p' "$scratch/run" | head -n 1)
    if [ -n "$port" ]; then
        refuse_taken "$port"
        refuse port_taken "port $port is taken, and nothing on the host tells by what"
    fi
    return 1
}

# container_remove NAME SECONDS-TO-STOP: gone, if bear made it.
container_remove() {
    container_exists "$1" || return 0
    container_ours "$1" || refuse broker_other "the host has a container $1 that bear did not make"
    run $(($2 + 30)) docker stop -t "$2" "$1" || :
    run 60 docker rm -f -v "$1"
}

# docker_for_removal: whether there is a Docker that bear's things can be in. One that does not answer hides them.
docker_for_removal() {
    command -v docker >/dev/null || return 1
    [ -z "$(docker_server)" ] || return 0
    run 120 systemctl start docker 9>&- || :
    tries=0
    until [ -n "$(docker_server)" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 15 ] || refuse docker_down "docker info does not answer, so nothing can be taken out of Docker"
        sleep 2
    done
}

# images_remove: those that bear brought. One that somebody else's container needs stays.
images_remove() {
    for reference in $(noted images); do
        quiet 120 docker image rm "$reference" >/dev/null || :
    done
    unmark images
}
