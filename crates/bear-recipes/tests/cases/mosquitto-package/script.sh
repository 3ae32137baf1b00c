set +aex -f
unset nonce root lock_wait_seconds host_owner host_now mosquitto_version mosquitto_configuration mosquitto_users
nonce=n0nce5678
root=''
lock_wait_seconds=1
host_owner='plant 5f3c'
host_now='1780000000'
mosquitto_version='2.0.11-1.2+deb12u2'
mosquitto_configuration='# Written by bear; changes made here are undone by its next apply.
set_tcp_nodelay true
allow_anonymous false
password_file /etc/mosquitto/bear.passwords
listener 1883
protocol mqtt
'
mosquitto_users='sensors:it'\''s $(reboot)
'

# … prelude.sh …

# … host.sh …

# … apt.sh …

# … mosquitto.sh …

main() {
    exec 3>&1 </dev/null
    printf '\n' >&3
    say begin 1 $$
    open
    block host.system host_system
    block host.first-boot host_first_boot
    block host.clock host_clock
    block host.owner host_owner
    block mosquitto.package mosquitto_package
    block mosquitto.users mosquitto_users
    block mosquitto.configuration mosquitto_configuration
    block mosquitto.running mosquitto_running
    say end ok
}

main; exit
