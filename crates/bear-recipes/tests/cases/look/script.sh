set +aex -f
unset nonce root lock_wait_seconds look_mqtt look_other
nonce=n0nce5678
root=''
lock_wait_seconds=1
look_mqtt='1883 '
look_other='8083 18083 '

# …

main() {
    exec 3>&1 </dev/null
    printf '\nbear:%s begin 1 %s\n' "$nonce" $$ >&3
    begin_look
    block look check_look apply_look
    end_look
    say end ok
}

main; exit
