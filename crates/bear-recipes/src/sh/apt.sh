# Packages by apt, each pinned and held.

# apt waits for dpkg's lock by itself. It is never removed: whoever holds it is at work.
apt_get() {
    run 1200 apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Acquire::http::Timeout=30 \
        -o Acquire::https::Timeout=30 -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef "$@"
}

# apt_version PACKAGE: the version that is installed, all of it configured; nothing otherwise.
apt_version() {
    quiet 30 dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$1" | sed -n 's/^installed //p' || :
}

# apt_is VERSION PACKAGE: whether exactly this is installed.
apt_is() {
    [ "$(apt_version "$2")" = "$1" ]
}

# apt_held PACKAGE: whether no upgrade will touch it.
apt_held() {
    quiet 30 apt-mark showhold | grep -qx "$1"
}

# apt_has PACKAGE VERSION: whether a package source has it.
apt_has() {
    apt_versions "$1" | grep -qxF "$2"
}

# apt_versions PACKAGE: the versions that the package sources have, one a line, newest first.
apt_versions() {
    quiet 60 apt-cache madison "$1" | awk -F '|' '{ gsub(/ /, "", $2); print $2 }'
}

# apt_offers PACKAGE VERSION: the newest lists have it, or the block ends with what they have. `update` ends with 0
# where a source could not be reached, and fails because of sources that nobody asked for; so the lists decide.
apt_offers() {
    tries=0
    until apt_update "$scratch/update" && apt_has "$1" "$2"; do
        tries=$((tries + 1))
        cat "$scratch/update"
        if grep -qE 'is not valid yet|not yet valid' "$scratch/update"; then
            refuse clock_skew "a package source is signed in the future of this host, where it is $(date -u '+%Y-%m-%d %H:%M') UTC"
        fi
        apt_failed "$scratch/update" || break
        [ "$tries" -lt 4 ] || refuse_apt "$scratch/update"
        sleep $((tries * 3))
    done
    apt_has "$1" "$2" && return
    refuse version_absent "$1 $2 is in no package source; there is $(apt_versions "$1" | head -n 20 | paste -s -d ' ' - | grep . || echo none)"
}

apt_update() {
    apt_get update >"$1" 2>&1 && return
    # A mirror in the middle of its own update leaves pieces that don't fit together.
    if grep -qE 'Hash Sum mismatch|has unexpected size' "$1"; then
        find "$root/var/lib/apt/lists/partial" -type f -delete || :
    fi
    return 1
}

# apt_failed LOG: whether something else than a missing version is the matter.
apt_failed() {
    grep -qE '^(E|Err|W: Failed to fetch|W: Some index files)' "$1"
}

refuse_apt() {
    if grep -q 'Could not get lock' "$1"; then
        refuse apt_locked "$(grep -m 1 'Could not get lock' "$1")"
    fi
    refuse apt_unreachable "$(grep -m 1 -E '^(E|Err|W: Failed to fetch)' "$1")"
}

# apt_install WORD...: installs exactly these, whatever was there before.
apt_install() {
    if quiet 60 dpkg --audit | grep -q .; then
        run 600 dpkg --configure -a
    fi
    status=0
    apt_get --no-install-recommends --allow-downgrades --allow-change-held-packages install "$@" \
        >"$scratch/install" 2>&1 || status=$?
    cat "$scratch/install"
    [ "$status" -ne 0 ] || return 0
    if grep -q 'Could not get lock' "$scratch/install"; then
        refuse apt_locked "$(grep -m 1 'Could not get lock' "$scratch/install")"
    fi
    if grep -q '^E: Failed to fetch' "$scratch/install"; then
        refuse apt_unreachable "$(grep -m 1 '^E: Failed to fetch' "$scratch/install")"
    fi
    return "$status"
}

# apt_remove PACKAGE...: gone with their settings, and what came with them and nobody else needs.
apt_remove() {
    run 60 apt-mark unhold "$@" || :
    apt_get --allow-change-held-packages purge "$@"
}
