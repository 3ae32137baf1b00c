set +aex -f
unset nonce root lock_wait_seconds owner_text owner_lineage owner_instance keep_data
nonce=n0nce5678
root=''
lock_wait_seconds=1
owner_text='# Written by bear: this host is an instance of a fleet.
fleet plant
lineage 5f3c
instance plant-edge-1
token t0ken1
'
owner_lineage='5f3c'
owner_instance='plant-edge-1'
keep_data='yes'

# …

main() {
    exec 3>&1 </dev/null
    printf '\nbear:%s begin 1 %s\n' "$nonce" $$ >&3
    begin_work
    block host.ours check_host_ours apply_host_ours
    block brokers.gone check_brokers_gone apply_brokers_gone
    block docker.gone check_docker_gone apply_docker_gone
    block host.released check_host_released apply_host_released
    end_work
    say end ok
}

main; exit
