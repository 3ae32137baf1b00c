set +aex -f
unset nonce root lock_wait_seconds tls_chain tls_authorities tls_key mosquitto_configuration mosquitto_users tls_chain_sum tls_authorities_sum tls_key_sum keep_data other_brokers mosquitto_version mosquitto_ports mosquitto_sum
nonce=n0nce5678
root=''
lock_wait_seconds=1
tls_chain='-----BEGIN CERTIFICATE-----
MIIB
-----END CERTIFICATE-----
'
tls_authorities='-----BEGIN CERTIFICATE-----
MIIB
-----END CERTIFICATE-----
'
tls_key='-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49
-----END PRIVATE KEY-----
'
mosquitto_configuration='# Written by bear; changes made here are undone by its next apply.
# Certificate 8010bfcee1842b2a4ce8f67c3e9455f0188f7a15bf39ec61a26feb75cd785821
# Authorities 8010bfcee1842b2a4ce8f67c3e9455f0188f7a15bf39ec61a26feb75cd785821
set_tcp_nodelay true
allow_anonymous true
listener 1883
protocol mqtt
listener 8883
protocol mqtt
certfile /etc/mosquitto/bear.certificate.pem
keyfile /etc/mosquitto/bear.key.pem
cafile /etc/mosquitto/bear.authorities.pem
listener 8083
protocol websockets
listener 8084
protocol websockets
certfile /etc/mosquitto/bear.certificate.pem
keyfile /etc/mosquitto/bear.key.pem
cafile /etc/mosquitto/bear.authorities.pem
'
mosquitto_users=''
tls_chain_sum='8010bfcee1842b2a4ce8f67c3e9455f0188f7a15bf39ec61a26feb75cd785821'
tls_authorities_sum='8010bfcee1842b2a4ce8f67c3e9455f0188f7a15bf39ec61a26feb75cd785821'
tls_key_sum='df90165529c8ce9dec258985e17e146b8db675936392e7035520c1e52468a46e'
keep_data='yes'
other_brokers='emqx mosquitto-container'
mosquitto_version='2.0.11-1.2+deb12u2'
mosquitto_ports='1883 8883 8083 8084 '
mosquitto_sum='236b2d204caae68aa36814581729eae052ff5898ff6af81d8a80be055ed1d8d5'

# …

main() {
    exec 3>&1 </dev/null
    printf '\nbear:%s begin 1 %s\n' "$nonce" $$ >&3
    begin_work
    block broker.others check_other_brokers apply_other_brokers
    block mosquitto.package check_mosquitto_package apply_mosquitto_package
    block mosquitto.users check_mosquitto_users apply_mosquitto_users
    block mosquitto.configuration check_mosquitto_configuration apply_mosquitto_configuration
    block mosquitto.running check_mosquitto_running apply_mosquitto_running
    end_work
    say end ok
}

main; exit
