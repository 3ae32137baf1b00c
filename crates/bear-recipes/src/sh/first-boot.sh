# The end of a machine's first boot: cloud-init may still be at work on packages when the first login succeeds.

# Asking cloud-init takes a second; the files that it leaves take none.
check_host_first_boot() {
    command -v cloud-init >/dev/null || return 0
    if [ ! -e "$root/var/lib/cloud/instance/boot-finished" ]; then
        case "$(quiet 30 cloud-init status)" in
            *disabled* | *done* | *error* | *degraded*) ;;
            *) return 1 ;;
        esac
    fi
    first_boot_went_well || fact host.first_boot "$(first_boot_detail)"
}

apply_host_first_boot() {
    # Its exit status also tells of errors. They are no reason to stop: what bear needs, the next blocks look for.
    timeout --foreground -k 10 300 cloud-init status --wait 3>&- || :
    check_host_first_boot || refuse cloud_init "cloud-init did not end within 300s; $(first_boot_detail)"
}

# Whether no stage of this boot had an error, be it one that cloud-init recovered from. Its file has an empty list on one
# line, and any other on several.
first_boot_went_well() {
    ! ask grep -qE '"(recoverable_)?errors": [[{]$' "$root/run/cloud-init/status.json"
}

# What cloud-init says of itself, in one line, without what says nothing.
first_boot_detail() {
    quiet 30 cloud-init status --long |
        sed -E '/^(boot_status_code|last_update|time):/d; /^(recoverable_)?errors: (\[\]|\{\})$/d; s/^[[:space:]]+//' |
        paste -s -d ' ' - | cut -c 1-600
}
