# Packages by apt, each pinned and held.

# apt waits for dpkg's lock by itself. It is never removed: whoever holds it is at work.
apt_get() {
    apt_get_by finish "$@"
}

# apt_get_by run|finish WORD...
apt_get_by() {
    by=$1
    shift
    "$by" 1200 apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Acquire::http::Timeout=30 \
        -o Acquire::https::Timeout=30 -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef "$@"
}

# apt_look PACKAGE: in `version` what is installed, all of it configured, or nothing; in `held` whether no upgrade will
# touch it. dpkg knows that as well as apt, and says so eight times as fast.
apt_look() {
    version='' held=no
    apt_stanza "$1" ||
        known=$(answer dpkg-query -W -f '${db:Status-Want} ${db:Status-Status} ${Version}\n' "$1") || :
    case $known in
        *' installed '*) version=${known#* installed } ;;
    esac
    case $known in
        'hold '*) held=yes ;;
    esac
}

# apt_stanza PACKAGE: what dpkg-query would say, in `known`, read from where it has it: five times as fast. Fails where
# that is not the whole truth: dpkg is at work, or knows the package for several processors.
apt_stanza() {
    known=
    dpkg_rests || return 1
    # The version is among the first fields that dpkg writes, none of which takes several lines.
    stanza=$(answer grep -F -x -A 30 "Package: $1" "$root/var/lib/dpkg/status") || [ $? -eq 1 ] || return 1
    [ -n "$stanza" ] || return 0
    case ${stanza#Package} in
        *"${line_break}Package: $1$line_break"*) return 1 ;;
    esac
    stanza=${stanza%%"$line_break$line_break"*}$line_break
    state=${stanza#*"${line_break}Status: "}
    state=${state%%"$line_break"*}
    known=${stanza#*"${line_break}Version: "}
    known="${state%% *} ${state##* } ${known%%"$line_break"*}"
}

# dpkg_rests: whether its list is up to date. While it works, what it does stands in files of their own beside it.
dpkg_rests() {
    [ -r "$root/var/lib/dpkg/status" ] || return 1
    set +f
    set -- "$root/var/lib/dpkg/updates/"*
    set -f
    [ ! -e "$1" ]
}

# apt_version PACKAGE: the version that is installed, all of it configured; nothing otherwise.
apt_version() {
    apt_look "$1"
    [ -z "$version" ] || printf '%s\n' "$version"
}

# apt_is VERSION PACKAGE: whether exactly this is installed.
apt_is() {
    apt_look "$2"
    [ "$version" = "$1" ]
}

# apt_held PACKAGE: whether no upgrade will touch it.
apt_held() {
    apt_look "$1"
    [ "$held" = yes ]
}

# apt_hold PACKAGE...: no upgrade will touch them until bear goes. What was held before stays so then.
apt_hold() {
    for package; do
        if ! apt_held "$package"; then
            note held "$package"
            run 60 apt-mark hold "$package"
        fi
    done
}

# apt_unhold PACKAGE...: what bear held is free again.
apt_unhold() {
    for package; do
        if noted held | grep -qx "$package" && apt_held "$package"; then
            run 60 apt-mark unhold "$package"
        fi
    done
}

# apt_has PACKAGE VERSION: whether a package source has it.
apt_has() {
    apt_versions "$1" | grep -qxF "$2"
}

# apt_versions PACKAGE: the versions that the package sources have, one a line, newest first.
apt_versions() {
    quiet 60 apt-cache madison "$1" | awk -F '|' '{ gsub(/ /, "", $2); print $2 }'
}

# apt_list PACKAGE: those versions in one line.
apt_list() {
    apt_versions "$1" | head -n 20 | paste -s -d ' ' - | grep . || echo none
}

# apt_offers PACKAGE VERSION: the newest lists have it, or the block ends with what they have. `update` ends with 0
# where a source could not be reached, and fails because of sources that nobody asked for; so the lists decide.
apt_offers() {
    tries=0
    until apt_update && apt_has "$1" "$2"; do
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
    refuse version_absent "$1 $2 is in no package source; there is $(apt_list "$1")"
}

# apt_update: fetches the lists; what it said lies in `update`. Not every apt waits for the lock of its lists, so it is
# asked again for five minutes, as apt itself waits for dpkg's.
apt_update() {
    ticks
    deadline=$((now + 30000))
    until apt_get_by run update >"$scratch/update" 2>&1; do
        ticks
        if [ "$now" -ge "$deadline" ] || ! apt_locked "$scratch/update"; then
            # A mirror in the middle of its own update leaves pieces that don't fit together.
            if grep -qE 'Hash Sum mismatch|has unexpected size' "$scratch/update"; then
                find "$root/var/lib/apt/lists/partial" -type f -delete || :
            fi
            return 1
        fi
        sleep 5
    done
}

# apt_locked LOG: whether somebody else's lock is the matter.
apt_locked() {
    grep -qE 'Could not get lock|locked by another process' "$1"
}

# apt_failed LOG: whether something else than a missing version is the matter.
apt_failed() {
    grep -qE '^(E|Err|W: Failed to fetch|W: Some index files)' "$1"
}

refuse_apt() {
    if disk_is_full "$1"; then
        refuse disk_full "$(fullest)"
    elif apt_locked "$1"; then
        refuse apt_locked "$(grep -m 1 -E 'Could not get lock|locked by another process' "$1")"
    fi
    refuse apt_unreachable "$(grep -m 1 -E '^(E|Err|W: Failed to fetch)' "$1")"
}

# apt_install WORD...: installs exactly these, whatever was there before.
apt_install() {
    apt_mend
    set -- --no-install-recommends --allow-downgrades --allow-change-held-packages install "$@"
    status=0
    run 120 apt-get -s -q "$@" >"$scratch/install" 2>&1 || status=$?
    # Nothing comes that was not noted before.
    if [ "$status" -eq 0 ]; then
        apt_note "$scratch/install"
        apt_get "$@" >"$scratch/install" 2>&1 || status=$?
    fi
    cat "$scratch/install"
    [ "$status" -ne 0 ] || return 0
    if apt_locked "$scratch/install" || grep -q '^E: Failed to fetch' "$scratch/install"; then
        refuse_apt "$scratch/install"
    fi
    return "$status"
}

# apt_mend: what an earlier run of dpkg left halfway is brought to its end; but another program may be at it just now.
apt_mend() {
    ticks
    deadline=$((now + 30000))
    while apt_is_halfway; do
        finish 600 dpkg --configure -a >"$scratch/mend" 2>&1 && return
        cat "$scratch/mend"
        apt_locked "$scratch/mend" || return 1
        ticks
        [ "$now" -lt "$deadline" ] || refuse_apt "$scratch/mend"
        sleep 5
    done
}

apt_is_halfway() {
    quiet 60 dpkg --audit | grep -q . || find "$root/var/lib/dpkg/updates" -type f 2>/dev/null | grep -q .
}

# apt_note FILE: notes which packages that are not on the host yet will come, by what apt says there. When bear goes, they
# go with it.
apt_note() {
    # What was noted and never came is no longer of bear's doing, should it come one day.
    for package in $(noted packages); do
        [ -z "$(apt_version "$package")" ] || printf '%s\n' "$package"
    done >"$scratch/packages"
    sed -n 's/^Inst \([^ ]*\) (.*/\1/p' "$1" >>"$scratch/packages"
    put 600 root:root "$root/var/lib/bear/packages" "$(sort -u "$scratch/packages")
"
}

# apt_purge PACKAGE...: gone with their settings, as far as they are there and bear brought them.
apt_purge() {
    wanted=$*
    set --
    for package in $wanted; do
        if [ -n "$(apt_version "$package")" ] && noted packages | grep -qx "$package"; then
            set -- "$@" "$package"
        fi
    done
    [ $# -eq 0 ] || apt_get --allow-change-held-packages purge "$@"
}

# apt_remove_noted: all that bear brought goes, but for what somebody else came to need meanwhile. apt itself knows what
# that is, once it takes them all for dependencies.
apt_remove_noted() {
    # shellcheck disable=SC2046  # A list of words.
    apt_unhold $(noted held)
    set --
    for package in $(noted packages); do
        [ -z "$(apt_version "$package")" ] || set -- "$@" "$package"
    done
    [ $# -gt 0 ] || return 0
    run 60 apt-mark auto "$@"
    # shellcheck disable=SC2046  # A list of words.
    apt_purge $(quiet 120 apt-get -s -q -o APT::AutoRemove::RecommendsImportant=false \
        -o APT::AutoRemove::SuggestsImportant=false autoremove | sed -n 's/^Remv \([^ ]*\) .*/\1/p')
}
