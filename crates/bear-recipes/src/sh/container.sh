# Images and containers.
#
# Docker's client is the dearest program that a script starts: each start takes a host as much as ten of the others. So
# one question asks for all that is wanted to know, and what a block was told is kept for the blocks after it.

# The server's own word for its version, without what packages add: `20.10.24+dfsg1` is `20.10.24`.
docker_server() {
    answer=$(quiet 20 docker info --format '{{.ServerVersion}}' || :)
    printf '%s' "${answer%%[-+~]*}"
}

# image_look REFERENCE: what the host has under this name; fails if it has none. It goes to the file `image` for the
# blocks that follow: the image's own number, its processor, the name and the digest by which a registry knows it,
# nothing if it came from a file, and then, a line each, the words that it starts with.
image_look() {
    quiet 30 docker image inspect --format '{{.Id}}|{{.Architecture}}|{{range .RepoDigests}}{{.}} {{end}}
{{range .Config.Entrypoint}}{{println .}}{{end}}{{range .Config.Cmd}}{{println .}}{{end}}' "$1" >"$scratch/image" ||
        return 1
    image_known
}

# image_known: what image_look found, in `image_id`, `image_made_for` and `image_digest`.
image_known() {
    IFS='|' read -r image_id image_made_for image_digest <"$scratch/image"
    image_digest=${image_digest%% *}
    [ -n "$image_id" ]
}

# Docker's package is made for the processor that Docker runs on. Only where the image is not, Docker is asked.
check_image() {
    image_look "$image_reference"
    [ "$image_made_for" != "$(ask dpkg --print-architecture || :)" ] || return 0
    runs_on=$(quiet 30 docker version --format '{{.Server.Arch}}')
    [ "$image_made_for" = "$runs_on" ] ||
        refuse image_architecture "$image_reference is made for $image_made_for, and the host runs $runs_on"
}

apply_image() {
    # What bear brings, it takes away again.
    note images "$image_reference"
    if [ -n "$image_file" ]; then
        [ -f "$image_file" ] || refuse image_file_absent "there is no file $image_file on the host"
        run 1800 docker load -i "$image_file"
        image_look "$image_reference" || refuse image_absent "$image_file holds another image than $image_reference"
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
    if image_look "$image_reference"; then fact image.present yes; else fact image.present no; fi
}

apply_image_look() {
    :
}

# container_look NAME: how the container is, in `container_…`; fails if there is none.
container_look() {
    quiet 30 docker inspect --type container --format '{{.State.Status}}|{{.RestartCount}}|{{.Config.Image}}|{{.Image}}|{{index .Config.Labels "bear.configuration"}}|{{.HostConfig.RestartPolicy.Name}}|{{range .HostConfig.PortBindings}}{{range .}}{{.HostPort}} {{end}}{{end}}' "$1" >"$scratch/container" ||
        return 1
    IFS='|' read -r container_status container_restarts container_reference container_image container_made_with \
        container_policy container_ports <"$scratch/container"
}

# container_is NAME CONFIGURATION: whether it runs from the image, with these settings. One that is paused or about to
# be started again has another status.
container_is() {
    container_look "$1" && image_known || return 1
    [ "$container_status $container_policy $container_image $container_made_with" = \
        "running unless-stopped $image_id $2" ]
}

# container_exists NAME: whether there is one, running or not.
container_exists() {
    quiet 30 docker inspect --type container --format '{{.Id}}' "$1" >/dev/null
}

# container_restarts NAME: how often Docker started it again.
container_restarts() {
    quiet 30 docker inspect --type container --format '{{.RestartCount}}' "$1" | grep . || echo 0
}

# container_ended NAME RESTARTS: whether it came to an end, or comes to one again and again since it had so many.
container_ended() {
    container_look "$1" || return 1
    case $container_status in
        exited | dead) return 0 ;;
    esac
    [ "$container_restarts" -ge $(($2 + 2)) ]
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

# container_facts BROKER: what container_look and image_look found of this broker.
container_facts() {
    fact "$1.container" "$container_status"
    fact "$1.restarts" "$container_restarts"
    fact "$1.image" "$container_reference"
    fact "$1.image_id" "$container_image"
    fact "$1.image_digest" "$image_digest"
    fact "$1.made_with" "$container_made_with"
    fact "$1.restart_policy" "$container_policy"
    fact "$1.ports" "$container_ports"
}

# container_run NAME SECONDS-TO-STOP OPTION… IMAGE [WORD…]: takes the place of the container of that name, where bear may
# have made one: where `container_was` is not `unknown`.
container_run() {
    name=$1 stop=$2
    shift 2
    [ "$container_was" = unknown ] || container_remove "$name" "$stop"
    # Newer versions of containerd leave a container with 1024 open files. Root without the right to raise its own
    # limit can't raise a container's either.
    files=1048576
    # shellcheck disable=SC3045  # Every shell that is `sh` on these systems has it.
    (ulimit -n "$files") 2>/dev/null || files=$(ulimit -H -n)
    run 120 docker run -d --name "$name" --restart unless-stopped --stop-timeout "$stop" \
        --ulimit "nofile=$files:$files" --log-driver json-file --log-opt max-size=50m --log-opt max-file=3 \
        "$@" >"$scratch/run" 2>&1 && return
    cat "$scratch/run"
    # Another program's: nothing was started.
    ! grep -q "name \"/$name\" is already in use" "$scratch/run" || container_foreign "$name"
    # What could not start holds the name.
    quiet 60 docker rm -f -v "$name" || :
    port=$(sed -n -e 's/.*[bB]ind for [^ ]*:\([0-9]*\) failed.*/\1/p' -e 's/.*listen [^ ]* [^ ]*:\([0-9]*\): bind: address already in use.*/\1/p' "$scratch/run" | head -n 1)
    if [ -n "$port" ]; then
        refuse_taken port_holder "$port"
        refuse port_taken "port $port is taken, and nothing on the host tells by what"
    fi
    return 1
}

# container_remove NAME SECONDS-TO-STOP: gone, if bear made it.
container_remove() {
    labels=$(quiet 30 docker inspect --type container --format '{{json .Config.Labels}}' "$1") || return 0
    case $labels in
        *'"bear.configuration"'*) ;;
        *) container_foreign "$1" ;;
    esac
    run $(($2 + 30)) docker stop -t "$2" "$1" || :
    run 60 docker rm -f -v "$1"
}

container_foreign() {
    refuse broker_other "the host has a container $1 that bear did not make"
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
