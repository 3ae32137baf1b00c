set +aex -f
unset nonce root lock_wait_seconds mosquitto_keep_data
nonce=n0nce5678
root=''
lock_wait_seconds=1
mosquitto_keep_data='no'

# … prelude.sh …

# … apt.sh …

# … mosquitto.sh …

main() {
    exec 3>&1 </dev/null
    printf '\n' >&3
    say begin 1 $$
    open
    block mosquitto.gone mosquitto_gone
    say end ok
}

main; exit
