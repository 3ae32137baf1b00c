set +aex -f
unset nonce root lock_wait_seconds host_key_made
nonce=n0nce5678
root=''
lock_wait_seconds=1
host_key_made='ssh-ed25519 it'\''s $(reboot)'

# …

main() {
    exec 3>&1 </dev/null
    printf '\nbear:%s begin 1 %s\n' "$nonce" $$ >&3
    begin_work
    block host-key.moved check_host_key_moved apply_host_key_moved
    end_work
    say end ok
}

main; exit
