set +aex -f
unset nonce root lock_wait_seconds observe_host
nonce=n0nce5678
root=''
lock_wait_seconds=1
observe_host='yes'

# …

main() {
    exec 3>&1 </dev/null
    printf '\nbear:%s begin 1 %s\n' "$nonce" $$ >&3
    begin_look
    block observe check_observe apply_observe
    end_look
    say end ok
}

main; exit
