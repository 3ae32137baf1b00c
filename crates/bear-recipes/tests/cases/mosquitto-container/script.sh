set +aex -f
unset nonce root lock_wait_seconds tls_chain tls_authorities tls_key mosquitto_configuration mosquitto_users keep_data other_brokers image_reference image_file mosquitto_digest mosquitto_publish
nonce=n0nce5678
root=''
lock_wait_seconds=1
tls_chain=''
tls_authorities=''
tls_key=''
mosquitto_configuration='# Written by bear; changes made here are undone by its next apply.
# Image mirror.example:5000/eclipse-mosquitto:2.0.18
persistence true
persistence_location /mosquitto/data/
log_dest stderr
set_tcp_nodelay true
allow_anonymous true
listener 2883
protocol mqtt
listener 8083
protocol websockets
'
mosquitto_users=''
keep_data='yes'
other_brokers='emqx mosquitto'
image_reference='mirror.example:5000/eclipse-mosquitto:2.0.18'
image_file=''
mosquitto_digest='6f701b2f559d509bb784d3a956a1a2027660f2acd077c864a635b6221996094c'
mosquitto_publish='2883:2883
8083:8083
'

# …

main() {
    exec 3>&1 </dev/null
    printf '\nbear:%s begin 1 %s\n' "$nonce" $$ >&3
    begin_work
    block broker.others check_other_brokers apply_other_brokers
    block mosquitto.image check_image apply_image
    block mosquitto.settings check_mosquitto_settings apply_mosquitto_settings
    block mosquitto.users check_mosquitto_passwords apply_mosquitto_passwords
    block mosquitto.container check_mosquitto_container apply_mosquitto_container
    end_work
    say end ok
}

main; exit
