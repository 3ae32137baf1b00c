set +aex -f
unset nonce root lock_wait_seconds image_reference image_file emqx_keep_data
nonce=n0nce5678
root=''
lock_wait_seconds=1
image_reference='emqx/emqx:5.0.9'
image_file=''
emqx_keep_data='yes'

# … prelude.sh …

# … apt.sh …

# … container.sh …

# … emqx.sh …

main() {
    exec 3>&1 </dev/null
    printf '\n' >&3
    say begin 1 $$
    open
    block emqx.gone emqx_gone
    say end ok
}

main; exit
