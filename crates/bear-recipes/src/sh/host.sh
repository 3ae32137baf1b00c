# What every host must be, and whose it is.

# The distribution, its release's code name and the processor, in `ID`, `VERSION_CODENAME` and `host_arch`.
host_identity() {
    ID='' ID_LIKE='' VERSION_ID='' VERSION_CODENAME=''
    # shellcheck source=/dev/null
    [ ! -r "$root/etc/os-release" ] || . "$root/etc/os-release"
    host_arch=$(quiet 10 dpkg --print-architecture || uname -m)
}

check_host_system() {
    [ "$(id -u)" = 0 ] || refuse no_privileges "the script runs as $(id -un), not as root"
    host_identity
    case "$ID" in
        debian | ubuntu) ;;
        *) refuse other_system "the host runs ${ID:-a system without a name} ${VERSION_ID:-}" ;;
    esac
    fact host.system "$ID $VERSION_ID"
    fact host.architecture "$host_arch"
}

apply_host_system() {
    :
}

# cloud-init may still be at work on packages when the first login succeeds. Asking it takes a second; the file that
# it leaves takes none.
check_host_first_boot() {
    command -v cloud-init >/dev/null || return 0
    [ ! -e "$root/var/lib/cloud/instance/boot-finished" ] || return 0
    case "$(quiet 30 cloud-init status)" in
        *disabled* | *done* | *error* | *degraded*) ;;
        *) return 1 ;;
    esac
}

apply_host_first_boot() {
    # Its exit status also tells of errors that it recovered from, which are no reason to stop here.
    timeout -k 10 300 cloud-init status --wait 3>&- || :
    check_host_first_boot || refuse cloud_init "cloud-init did not end within 300s"
}

# Five minutes: less than what upsets signatures of package sources and certificates, and more than any queue in bear.
check_host_clock() {
    skew=$(($(date +%s) - host_now))
    [ "$skew" -ge -300 ] && [ "$skew" -le 300 ]
}

apply_host_clock() {
    ! command -v timedatectl >/dev/null || timeout -k 10 30 timedatectl set-ntp true 3>&- || :
    tries=0
    until check_host_clock; do
        tries=$((tries + 1))
        [ "$tries" -le 10 ] || refuse clock_skew "the clock of the host says $(date -u '+%Y-%m-%d %H:%M:%S') UTC, ${skew}s off"
        sleep 2
    done
}

check_host_owner() {
    holds 600 root:root "$root/etc/bear/owner" "$host_owner
"
}

apply_host_owner() {
    if [ -s "$root/etc/bear/owner" ] && [ "$(cat "$root/etc/bear/owner")" != "$host_owner" ]; then
        refuse other_fleet "the host belongs to $(head -n 1 "$root/etc/bear/owner")"
    fi
    put 600 root:root "$root/etc/bear/owner" "$host_owner
"
}

check_host_released() {
    [ ! -e "$root/etc/bear" ] && [ ! -e "$root/var/lib/bear" ]
}

apply_host_released() {
    if [ -s "$root/etc/bear/owner" ] && [ "$(cat "$root/etc/bear/owner")" != "$host_owner" ]; then
        refuse other_fleet "the host belongs to $(head -n 1 "$root/etc/bear/owner")"
    fi
    # The owner goes last: until then another fleet is kept away.
    rm -rf "$root/var/lib/bear"
    rm -rf "$root/etc/bear"
}
