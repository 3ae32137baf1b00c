set +aex -f
unset nonce root lock_wait_seconds emqx_api
nonce=n0nce5678
root=''
lock_wait_seconds=1
emqx_api='127.0.0.1:18083'

# … prelude.sh …

# … host.sh …

# … apt.sh …

# … container.sh …

# … emqx.sh …

# … observe.sh …

main() {
    exec 3>&1 </dev/null
    printf '\n' >&3
    say begin 1 $$
    open
    block observe observe
    say end ok
}

main; exit
