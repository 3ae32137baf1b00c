set +aex -f
unset nonce root lock_wait_seconds tls_chain tls_authorities tls_key mosquitto_configuration mosquitto_users keep_data other_brokers image_reference image_file mosquitto_digest mosquitto_publish
nonce=n0nce5678
root=''
lock_wait_seconds=1
tls_chain='-----BEGIN CERTIFICATE-----
MIIB
-----END CERTIFICATE-----
'
tls_authorities=''
tls_key='-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49
-----END PRIVATE KEY-----
'
mosquitto_configuration='# Written by bear; changes made here are undone by its next apply.
# Image eclipse-mosquitto:2.0.18
persistence true
persistence_location /mosquitto/data/
log_dest stderr
# Certificate 8010bfcee1842b2a4ce8f67c3e9455f0188f7a15bf39ec61a26feb75cd785821
set_tcp_nodelay true
allow_anonymous true
listener 1883
protocol mqtt
listener 8883
protocol mqtt
certfile /mosquitto/config/certificate.pem
keyfile /mosquitto/config/key.pem
'
mosquitto_users=''
keep_data='yes'
other_brokers='emqx mosquitto'
image_reference='eclipse-mosquitto:2.0.18'
image_file=''
mosquitto_digest='c054ad569e409961bb409aead16affeaa4be6a9af772aac8b38ee413b9553be2'
mosquitto_publish='1883:1883
8883:8883
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
