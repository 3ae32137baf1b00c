# Docker from its own package source, from the distribution, or as it is.

check_docker_tools() {
    command -v curl >/dev/null
    command -v gpg >/dev/null
    [ -e "$root/etc/ssl/certs/ca-certificates.crt" ]
}

apply_docker_tools() {
    apt_update || cat "$scratch/update"
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
    docker_package_facts
}

apply_docker_packages() {
    first=${docker_packages%% *}
    if ! marked docker; then
        docker_look_before
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
        [ -n "$choice" ] || refuse version_absent "no containerd.io below 2 is in any package source; there is $(apt_list containerd.io)"
        [ -z "$docker_containerd" ] || apt_has containerd.io "$docker_containerd" ||
            refuse version_absent "containerd.io $docker_containerd is in no package source; there is $(apt_list containerd.io)"
        set -- "$@" "containerd.io=$choice"
    fi
    [ $# -eq 0 ] || apt_install "$@"
    # shellcheck disable=SC2086  # A list of words.
    apt_hold $docker_packages "$docker_runtime"
}

# What of Docker's was there before bear came: somebody's data, and folders that no package takes away.
docker_look_before() {
    if find "$root/var/lib/docker" -mindepth 1 2>/dev/null | grep -q .; then mark docker-data used; fi
    for path in /etc/docker /etc/docker/key.json /etc/cni /etc/cni/net.d /var/lib/docker /var/lib/containerd \
        /opt/containerd /opt/containerd/bin /opt/containerd/lib /opt/cni /opt/cni/bin; do
        [ -e "$root$path" ] || note docker-brought "$path"
    done
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

docker_package_facts() {
    for package in docker-ce docker.io; do
        version=$(apt_version "$package")
        [ -n "$version" ] || continue
        fact docker.package "$version"
        ! apt_held "$package" || fact docker.held yes
    done
    for package in containerd.io containerd; do
        version=$(apt_version "$package")
        [ -z "$version" ] || fact docker.containerd "$version"
    done
}

check_docker_running() {
    server=$(docker_server)
    [ -n "$server" ]
    [ -z "$docker_server_version" ] || [ "$server" = "$docker_server_version" ]
    fact docker.version "$server"
}

apply_docker_running() {
    command -v docker >/dev/null || refuse docker_absent "there is no Docker on the host"
    run 120 systemctl enable --now docker 9>&- || :
    tries=0
    server=$(docker_server)
    until [ -n "$server" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 30 ] || docker_refuse "docker info does not answer"
        sleep 2
        server=$(docker_server)
    done
    [ -z "$docker_server_version" ] || [ "$server" = "$docker_server_version" ] && return
    # The packages are new and the process is old.
    run 180 systemctl restart docker 9>&- || docker_refuse "docker does not start"
    server=$(docker_server)
    [ "$server" = "$docker_server_version" ] ||
        docker_refuse "docker info says ${server:-nothing}, not $docker_server_version"
}

docker_refuse() {
    run 30 journalctl -u docker -q --no-pager -o cat -n 20 || :
    refuse docker_down "$1"
}

check_docker_gone() {
    [ ! -e "$root/var/lib/bear/docker" ]
}

# Docker goes with what bear put into it. Somebody else's containers or volumes in it keep it where it is.
apply_docker_gone() {
    if marked docker installed && docker_is_empty; then
        run 120 systemctl disable --now docker docker.socket 9>&- || :
        apt_purge docker-ce docker-ce-cli docker.io containerd.io containerd
        docker_drop_data
    else
        apt_unhold docker-ce docker-ce-cli docker.io containerd.io containerd
    fi
    rm -f "$root/etc/apt/sources.list.d/bear-docker.sources" "$root/etc/apt/keyrings/bear-docker.asc"
    unmark docker-data
    unmark docker-brought
    unmark docker
}

docker_is_empty() {
    command -v docker >/dev/null || return 0
    [ -z "$(quiet 30 docker ps -aq)" ] && ! quiet 30 docker volume ls -q | grep -qv '^bear-'
}

# Docker's folder may be the root of a file system, so it is emptied first.
docker_drop_data() {
    if [ "$keep_data" = no ] && ! marked docker-data used; then
        for folder in "$root/var/lib/docker" "$root/var/lib/containerd"; do
            [ ! -d "$folder" ] || find "$folder" -mindepth 1 -delete
        done
    fi
    # The inner ones first. What somebody else put into them stays, and they with it.
    for path in $(noted docker-brought | sort -r); do
        if [ -f "$root$path" ]; then rm -f "$root$path"; else rmdir "$root$path" 2>/dev/null || :; fi
    done
}
