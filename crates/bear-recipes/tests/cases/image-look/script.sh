set +aex -f
unset nonce root lock_wait_seconds image_reference image_file
nonce=n0nce5678
root=''
lock_wait_seconds=1
image_reference='emqx/emqx:5.0.9'
image_file=''

# …

main() {
    exec 3>&1 </dev/null
    printf '\nbear:%s begin 1 %s\n' "$nonce" $$ >&3
    begin_look
    block image.look check_image_look apply_image_look
    end_look
    say end ok
}

main; exit
