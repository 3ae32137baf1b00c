set +aex -f
unset nonce root lock_wait_seconds host_key_given host_machine
nonce=n0nce5678
root=''
lock_wait_seconds=1
host_key_given='ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGQR9aXrF0ajMArO1cBwGQZ881OVcIztF2stDe6faZnj'
host_machine='i-0123456789abcdef0'

# …

main() {
    exec 3>&1 </dev/null
    printf '\nbear:%s begin 1 %s\n' "$nonce" $$ >&3
    begin_work
    block host.first-boot check_host_first_boot apply_host_first_boot
    block host-key.next check_host_key_next apply_host_key_next
    end_work
    say end ok
}

main; exit
