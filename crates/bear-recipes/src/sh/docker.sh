# Docker from its own package source, from the distribution, or as it is.

check_docker_tools() {
    command -v curl >/dev/null
    command -v gpg >/dev/null
    [ -e "$root/etc/ssl/certs/ca-certificates.crt" ]
}

apply_docker_tools() {
    apt_get update || :
    apt_install ca-certificates curl gpg
}

# What else provides Docker is somebody's, with somebody's containers in it: never replaced.
check_docker_rivals() {
    if command -v snap >/dev/null && quiet 30 snap list docker >/dev/null; then
        refuse docker_snap "Docker is installed as a snap"
    fi
    for package in $docker_rivals; do
        [ -z "$(apt_version "$package")" ] || refuse docker_other "the package $package is installed"
    done
    for package in $docker_packages; do
        version=$(apt_version "$package")
        if [ -n "$version" ] && [ "$version" != "$docker_version" ] && ! marked docker; then
            refuse docker_other "$package $version is installed, and bear did not install it"
        fi
    done
}

apply_docker_rivals() {
    :
}

# The package source as apt reads it. What the fleet leaves open is taken from the host's own system.
docker_source_text() {
    host_identity
    printf '%s\n' '# Written by bear.' 'Types: deb' \
        "URIs: ${docker_repository:-https://download.docker.com/linux/$ID}" \
        "Suites: ${docker_suite:-$VERSION_CODENAME}" 'Components: stable' "Architectures: $host_arch" \
        "Signed-By: $root/etc/apt/keyrings/bear-docker.asc" .
}

# docker_key FILE: the fingerprint of the first key in it.
docker_key() {
    GNUPGHOME=$scratch/gnupg quiet 30 gpg --batch --no-options --show-keys --with-colons "$1" |
        awk -F: '$1 == "fpr" { print $10; exit }' || :
}

check_docker_source() {
    text=$(docker_source_text)
    holds 644 root:root "$root/etc/apt/sources.list.d/bear-docker.sources" "${text%.}"
    is_file 644 root:root "$root/etc/apt/keyrings/bear-docker.asc"
    install -d -m 700 "$scratch/gnupg"
    [ "$(docker_key "$root/etc/apt/keyrings/bear-docker.asc")" = "$docker_fingerprint" ]
}

apply_docker_source() {
    host_identity
    url=${docker_key_url:-${docker_repository:-https://download.docker.com/linux/$ID}/gpg}
    run 120 curl -fsSL --retry 3 --connect-timeout 20 -m 100 -o "$scratch/key" --url "$url" ||
        refuse apt_unreachable "the signing key at $url can't be fetched"
    install -d -m 700 "$scratch/gnupg"
    found=$(docker_key "$scratch/key")
    [ "$found" = "$docker_fingerprint" ] ||
        refuse wrong_key "the key at $url has the fingerprint ${found:-of no key}, not $docker_fingerprint"
    put 644 root:root "$root/etc/apt/keyrings/bear-docker.asc" "$(cat "$scratch/key")
"
    text=$(docker_source_text)
    put 644 root:root "$root/etc/apt/sources.list.d/bear-docker.sources" "${text%.}"
}

# docker_is_installed: whether the packages have their versions, held or not.
docker_is_installed() {
    for package in $docker_packages; do
        apt_is "$docker_version" "$package" || return 1
    done
    [ -n "$(apt_version "$docker_runtime")" ] || return 1
    [ -z "$docker_containerd" ] || apt_is "$docker_containerd" containerd.io
}

check_docker_packages() {
    docker_is_installed
    for package in $docker_packages $docker_runtime; do
        apt_held "$package" || return 1
    done
    fact docker.package "$(apt_version "${docker_packages%% *}")"
    fact docker.containerd "$(apt_version "$docker_runtime")"
}

apply_docker_packages() {
    first=${docker_packages%% *}
    if ! marked docker; then
        if [ -n "$(apt_version "$first")" ]; then mark docker adopted; else mark docker installed; fi
    fi
    set --
    for package in $docker_packages; do
        set -- "$@" "$package=$docker_version"
    done
    if docker_is_installed; then
        set --
    else
        apt_offers "$first" "$docker_version"
    fi
    if [ $# -gt 0 ] && [ "$docker_runtime" = containerd.io ]; then
        choice=$(docker_containerd_choice)
        [ -n "$choice" ] || refuse version_absent "no containerd.io below 2 is in any package source; there is $(apt_versions containerd.io | head -n 20 | paste -s -d ' ' -)"
        set -- "$@" "containerd.io=$choice"
    fi
    [ $# -eq 0 ] || apt_install "$@"
    # shellcheck disable=SC2086  # A list of words.
    run 60 apt-mark hold $docker_packages "$docker_runtime"
}

# Docker below 28 was never tried with containerd 2, though its package would accept it.
docker_containerd_choice() {
    if [ -n "$docker_containerd" ]; then
        printf '%s' "$docker_containerd"
    elif [ -n "$(apt_version containerd.io)" ] && marked docker adopted; then
        apt_version containerd.io
    else
        apt_versions containerd.io | grep "^$docker_containerd_line" | head -n 1
    fi
}

# The server's own word for its version, without what packages add: `20.10.24+dfsg1` is `20.10.24`.
docker_server() {
    answer=$(quiet 20 docker info --format '{{.ServerVersion}}' || :)
    printf '%s' "${answer%%[-+~]*}"
}

check_docker_running() {
    server=$(docker_server)
    [ -n "$server" ]
    [ -z "$docker_server_version" ] || [ "$server" = "$docker_server_version" ]
    fact docker.version "$server"
}

apply_docker_running() {
    run 120 systemctl enable --now docker 9>&- || :
    tries=0
    until [ -n "$(docker_server)" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 30 ]; then
            run 30 journalctl -u docker -q --no-pager -o cat -n 20 || :
            refuse docker_down "docker info does not answer"
        fi
        sleep 2
    done
    server=$(docker_server)
    [ -z "$docker_server_version" ] || [ "$server" = "$docker_server_version" ] && return
    # The packages are new and the process is old.
    run 180 systemctl restart docker 9>&-
    server=$(docker_server)
    [ "$server" = "$docker_server_version" ] ||
        refuse docker_down "docker info says ${server:-nothing}, not $docker_server_version"
}

check_docker_gone() {
    [ ! -e "$root/var/lib/bear/docker" ]
}

# Docker goes with what bear put into it. Somebody else's containers in it keep it where it is.
apply_docker_gone() {
    if marked docker installed && [ -z "$(quiet 30 docker ps -aq)" ]; then
        run 120 systemctl disable --now docker docker.socket 9>&- || :
        # shellcheck disable=SC2086  # A list of words.
        apt_remove $docker_packages "$docker_runtime"
        if [ "$docker_keep_data" = no ]; then
            rm -rf "$root/var/lib/docker" "$root/var/lib/containerd"
        fi
    elif marked docker; then
        # shellcheck disable=SC2086  # A list of words.
        run 60 apt-mark unhold $docker_packages "$docker_runtime"
    fi
    rm -f "$root/etc/apt/sources.list.d/bear-docker.sources" "$root/etc/apt/keyrings/bear-docker.asc"
    unmark docker
}
