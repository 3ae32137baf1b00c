# A host key that is made on the host, in the place of the one that came with its user data.

host_key=$root/etc/ssh/ssh_host_ed25519_key

# public_half FILE: the type and the base64 of the public half of a private key; fails if there is no whole one.
public_half() {
    # shellcheck disable=SC2046  # Words are what is wanted.
    set -- $(ask ssh-keygen -y -P '' -f "$1")
    [ $# -ge 2 ] && printf '%s %s' "$1" "$2"
}

# Machines that were launched together got the same key. Which of them this one is, cloud-init noted.
refuse_other_machine() {
    noted_id=$(ask cat "$root/var/lib/cloud/data/instance-id" || :)
    case $noted_id in
        "$host_machine") ;;
        i-*) refuse other_machine "it is $noted_id that answers, not $host_machine" ;;
    esac
}

# It says the key that is to come; where that took its place already, nobody heard the end of it.
check_host_key_next() {
    refuse_other_machine
    current=$(public_half "$host_key") || refuse host_key "there is no private key to be read in $host_key"
    if [ "$current" = "$host_key_given" ]; then
        current=$(public_half "$host_key.bear-next") || return 1
    fi
    fact host.next_key "$current"
}

apply_host_key_next() {
    rm -f "$host_key.bear-next" "$host_key.bear-next.pub"
    run 60 ssh-keygen -q -t ed25519 -N '' -C bear -f "$host_key.bear-next"
    sync "$host_key.bear-next"
}

# sshd is told in every run that asks for it: whether it heard the one before, no file says.
check_host_key_moved() {
    [ "$(public_half "$host_key")" = "$host_key_made" ]
    [ "$(ask cat "$scratch/sshd-reloaded")" = "$nonce" ]
}

apply_host_key_moved() {
    # On settings that it can't read, sshd would end instead of starting again.
    run 30 sshd -t || refuse host_key "sshd would not start again with its settings as they are"
    if [ "$(public_half "$host_key")" != "$host_key_made" ]; then
        [ "$(public_half "$host_key.bear-next")" = "$host_key_made" ] ||
            refuse host_key "the key in $host_key.bear-next is not the one that was made before"
        chown root:root "$host_key.bear-next"
        chmod 600 "$host_key.bear-next"
        mv -f "$host_key.bear-next" "$host_key"
    fi
    put 644 root:root "$host_key.pub" "$host_key_made bear
"
    rm -f "$host_key.bear-next.pub"
    # A host that loses its power must not come back with the old key, for soon that is nobody's any more.
    sync "$root/etc/ssh"
    reload_sshd
    printf '%s' "$nonce" >"$scratch/sshd-reloaded"
}

# Connections stay as they are. Where systemd did not start it, sshd's own file tells its process.
reload_sshd() {
    for unit in ssh sshd; do
        if quiet 30 systemctl is-active --quiet "$unit"; then
            run 30 systemctl reload "$unit"
            return
        fi
    done
    kill -HUP "$(cat "$root/run/sshd.pid")"
}
