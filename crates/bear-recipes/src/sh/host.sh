# What every host must be, and whose it is.

# The distribution, its release's code name and the processor, in `ID`, `VERSION_CODENAME` and `host_arch`.
host_identity() {
    ID='' ID_LIKE='' VERSION_ID='' VERSION_CODENAME=''
    # shellcheck source=/dev/null
    [ ! -r "$root/etc/os-release" ] || . "$root/etc/os-release"
    host_arch=$(ask dpkg --print-architecture || uname -m)
}

# The IPv4 address that the host itself sends from: what the machines of a fleet know each other by.
host_address() {
    route=$(ask ip -4 route get 192.0.2.1 || :)
    address=${route#* src }
    address=${address%%[!0-9.]*}
    [ -n "$address" ] || address=$(quiet 10 ip -4 -o address show scope global |
        awk '$2 !~ /^(docker|br-|veth)/ { sub("/.*", "", $4); print $4; exit }' || :)
    printf '%s' "$address"
}

# What host_identity found, and more.
host_facts() {
    fact host.system "$ID $VERSION_ID"
    fact host.architecture "$host_arch"
    read -r name </proc/sys/kernel/hostname
    fact host.name "$name"
    read -r boot_id </proc/sys/kernel/random/boot_id
    fact host.boot_id "$boot_id"
    fact host.private_address "$(host_address)"
    fact host.clock "$(date +%s)"
    # It is the first line, proc_meminfo(5).
    read -r _ memory _ </proc/meminfo
    fact host.memory_kib "$memory"
    free=$(df -k --output=avail "$root/")
    fact host.disk_free_kib "${free##*[!0-9]}"
}

check_host_system() {
    [ "$(id -u)" = 0 ] || refuse no_privileges "the script runs as $(id -un), not as root"
    host_identity
    case "$ID" in
        debian | ubuntu) ;;
        *) refuse other_system "the host runs ${ID:-a system without a name} ${VERSION_ID:-}" ;;
    esac
    host_facts
}

apply_host_system() {
    :
}

# Five minutes: less than what upsets signatures of package sources and certificates, and more than any queue in bear.
check_host_clock() {
    skew=$(($(date +%s) - host_now))
    [ "$skew" -ge -300 ] && [ "$skew" -le 300 ]
}

apply_host_clock() {
    ! command -v timedatectl >/dev/null || timeout --foreground -k 10 30 timedatectl set-ntp true 3>&- || :
    tries=0
    until check_host_clock; do
        tries=$((tries + 1))
        [ "$tries" -le 10 ] || refuse clock_skew "the clock of the host says $(date -u '+%Y-%m-%d %H:%M:%S') UTC, ${skew}s off"
        sleep 2
    done
}

# A broker that bear did not install is somebody's. Once bear has one of its own here, all this was asked before.
check_host_foreign() {
    if marked emqx || marked mosquitto || marked mosquitto-container; then return; fi
    for service in mosquitto emqx; do
        service_look "$service"
        [ "$active" = no ] ||
            refuse broker_other "the service $service runs on this host, and bear did not install it"
        [ "$enabled" = no ] ||
            refuse broker_other "the service $service is set to start with this host, and bear did not install it"
    done
    containers=$(running_containers)
    # Where no container runs, none holds a port.
    who=port_process
    if [ -n "$containers" ]; then
        who=port_holder
        container=$(printf '%s\n' "$containers" | foreign_container)
        [ -z "$container" ] ||
            refuse broker_other "the container $container runs on this host, and bear did not make it"
    fi
    # shellcheck disable=SC2086  # A list of words.
    refuse_taken "$who" $host_ports
}

apply_host_foreign() {
    :
}

# The containers that run, one a line, each with bear's label if it has it.
running_containers() {
    command -v docker >/dev/null || return 0
    quiet 30 docker ps --format '{{.Label "bear.configuration"}}|{{.Names}} ({{.Image}})' || :
}

# The first of these that is of a broker and does not carry bear's label.
foreign_container() {
    sed -n 's/^|\(.*(.*\(emqx\|mosquitto\).*)\)$/\1/p' | head -n 1
}

# owner_says WORD: what stands behind it in the mark of the host's owner.
owner_says() {
    [ -e "$root/etc/bear/owner" ] || return 0
    while read -r word value; do
        if [ "$word" = "$1" ]; then
            printf '%s\n' "$value"
            return
        fi
    done <"$root/etc/bear/owner"
}

# A host without a mark is nobody's; one whose mark can't be read is somebody's.
refuse_other_owner() {
    [ -s "$root/etc/bear/owner" ] || return 0
    ! says "$root/etc/bear/owner" "$owner_text" || return 0
    if [ "$(owner_says lineage)" != "$owner_lineage" ]; then
        refuse other_fleet "the host is the instance $(owner_says instance) of the fleet $(owner_says fleet), lineage $(owner_says lineage)"
    fi
    if [ "$(owner_says instance)" != "$owner_instance" ]; then
        refuse other_instance "the host is the instance $(owner_says instance) of this fleet"
    fi
}

check_host_owner() {
    refuse_other_owner
    holds 600 root:root "$root/etc/bear/owner" "$owner_text"
}

apply_host_owner() {
    # In containers, some of what lies there belongs to users whose numbers are other people's on the host.
    install -d -m 700 "$root/etc/bear" "$root/var/lib/bear"
    put 600 root:root "$root/etc/bear/owner" "$owner_text"
}

# Before anything is taken away.
check_host_ours() {
    refuse_other_owner
}

apply_host_ours() {
    :
}

check_host_released() {
    [ ! -e "$root/etc/bear" ] && [ ! -e "$root/var/lib/bear" ]
}

apply_host_released() {
    apt_remove_noted
    # The owner goes last: until then another fleet is kept away.
    rm -rf "$root/var/lib/bear"
    rm -rf "$root/etc/bear"
}
