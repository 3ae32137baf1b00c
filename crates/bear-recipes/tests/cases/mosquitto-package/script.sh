set +aex -f
unset nonce root lock_wait_seconds owner_text owner_lineage owner_instance host_now host_ports tls_chain tls_authorities tls_key mosquitto_configuration mosquitto_users tls_chain_sum tls_authorities_sum tls_key_sum keep_data other_brokers mosquitto_version mosquitto_ports mosquitto_sum
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
host_now='1780000000'
host_ports=''
tls_chain=''
tls_authorities=''
tls_key=''
mosquitto_configuration='# Written by bear; changes made here are undone by its next apply.
set_tcp_nodelay true
allow_anonymous false
password_file /etc/mosquitto/bear.passwords
listener 1883
protocol mqtt
'
mosquitto_users='sensors:it'\''s $(reboot)
'
tls_chain_sum=''
tls_authorities_sum=''
tls_key_sum=''
keep_data='yes'
other_brokers='emqx mosquitto-container'
mosquitto_version='2.0.11-1.2+deb12u2'
mosquitto_ports='1883 '
mosquitto_sum='4ee56a7280dd339205a87d1d9d22988618e085634014ec808f68f7357655037f'

# …

main() {
    exec 3>&1 </dev/null
    printf '\nbear:%s begin 1 %s\n' "$nonce" $$ >&3
    begin_work
    block host.system check_host_system apply_host_system
    block host.first-boot check_host_first_boot apply_host_first_boot
    block host.clock check_host_clock apply_host_clock
    block host.foreign check_host_foreign apply_host_foreign
    block host.owner check_host_owner apply_host_owner
    block broker.others check_other_brokers apply_other_brokers
    block mosquitto.package check_mosquitto_package apply_mosquitto_package
    block mosquitto.users check_mosquitto_users apply_mosquitto_users
    block mosquitto.configuration check_mosquitto_configuration apply_mosquitto_configuration
    block mosquitto.running check_mosquitto_running apply_mosquitto_running
    end_work
    say end ok
}

main; exit
