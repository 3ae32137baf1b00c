# Images and containers.

# image_id REFERENCE: what the host has under this name; nothing if it has none.
image_id() {
    quiet 30 docker image inspect --format '{{.Id}}' "$1" || :
}

check_image() {
    [ -n "$(image_id "$image_reference")" ]
    fact image.id "$(image_id "$image_reference")"
    fact image.digest "$(quiet 30 docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image_reference" | grep -m 1 . || :)"
}

apply_image() {
    if [ -n "$image_file" ]; then
        [ -f "$image_file" ] || refuse image_file_absent "there is no file $image_file on the host"
        run 1800 docker load -i "$image_file"
        [ -n "$(image_id "$image_reference")" ] || refuse image_absent "$image_file holds another image than $image_reference"
        return
    fi
    began_at=$(date +%s)
    tries=0
    until run 1800 docker pull -q "$image_reference" >"$scratch/pull" 2>&1; do
        tries=$((tries + 1))
        cat "$scratch/pull"
        image_cause "$began_at" >"$scratch/cause"
        cat "$scratch/cause"
        if grep -qiE 'manifest unknown|manifest for .* not found|repository .* not found|does not exist|access denied' "$scratch/cause"; then
            refuse image_absent "$image_reference: $(grep -m 1 . "$scratch/cause")"
        fi
        [ "$tries" -lt 3 ] || refuse image_unreachable "$image_reference: $(grep -m 1 . "$scratch/cause")"
        sleep $((tries * 3))
    done
}

# image_cause SINCE: why a pull failed. Where a mirror is set up, Docker goes on to the public registry and reports
# only what that said; what the mirror said stands in Docker's own log.
image_cause() {
    if command -v journalctl >/dev/null; then
        quiet 30 journalctl -u docker -q --no-pager -o cat --since "@$1" |
            grep -E 'pull after error|error pulling image' | sed 's/^.*msg="//; s/"$//' | head -n 3 || :
    fi
    grep -v '^(exit status' "$scratch/pull" | tail -n 3 || :
}

# container_is NAME CONFIGURATION: whether it runs from the image, with these settings.
container_is() {
    [ "$(quiet 30 docker inspect --type container --format \
        '{{.State.Running}} {{.State.Restarting}} {{.Image}} {{index .Config.Labels "bear.configuration"}}' "$1")" = \
        "true false $(image_id "$image_reference") $2" ]
}

# container_exists NAME: whether there is one, running or not.
container_exists() {
    quiet 30 docker inspect --type container --format '{{.Id}}' "$1" >/dev/null
}

# container_ours NAME: whether bear made it.
container_ours() {
    quiet 30 docker inspect --type container --format '{{json .Config.Labels}}' "$1" | grep -q '"bear.configuration"'
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
    quiet 60 docker rm -f "$name" || :
    if grep -qiE 'port is already allocated|address already in use' "$scratch/run"; then
        refuse port_taken "$(grep -m 1 -oiE '[^ ]*: port is already allocated|[^ ]* [^ ]*: address already in use|bind for [^ ]* failed' "$scratch/run" || grep -m 1 . "$scratch/run")"
    fi
    return 1
}

# container_remove NAME SECONDS-TO-STOP: gone, if bear made it.
container_remove() {
    container_exists "$1" || return 0
    container_ours "$1" || refuse broker_other "the host has a container $1 that bear did not make"
    run $(($2 + 30)) docker stop -t "$2" "$1" || :
    run 60 docker rm -f "$1"
}
