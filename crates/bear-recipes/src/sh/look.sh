# Why a broker does not answer elsewhere: what it says on the host itself. Changes nothing.

check_look() {
    for port in $look_mqtt; do
        fact "port.$port" "$(look_mqtt_port "$port")"
    done
    for port in $look_other; do
        if look_open "$port"; then fact "port.$port" open; else fact "port.$port" closed; fi
    done
    look_log | tail -n 20 | cut -c 1-1000 | while IFS= read -r line || [ -n "$line" ]; do
        say last look "$line"
    done
}

apply_look() {
    :
}

# The dashboard may listen on one address only.
look_address() {
    address=127.0.0.1
    if [ -s "$root/etc/bear/emqx.api" ]; then
        api=$(cat "$root/etc/bear/emqx.api")
        [ "${api##*:}" != "$1" ] || address=${api%:*}
    fi
    printf '%s' "$address"
}

# Every host of these systems has bash, and bash can connect.
look_open() {
    # shellcheck disable=SC2016  # For bash.
    quiet 5 bash -c 'exec 4<>"/dev/tcp/$1/$2"' bear "$(look_address "$1")" "$1"
}

# look_mqtt_port PORT: what becomes of a CONNECT of MQTT 3.1.1. Any CONNACK will do, which begins with the byte of a
# space: a refusal is an answer too. Bash itself waits for it, for no other program would end with bash.
look_mqtt_port() {
    # shellcheck disable=SC2016  # For bash.
    answer=$(quiet 5 bash -c 'exec 4<>"/dev/tcp/127.0.0.1/$1" &&
        printf "\020\025\000\004MQTT\004\002\000\012\000\011bear-look" >&4 &&
        IFS= read -r -d "" -n 1 -t 4 byte <&4 && [ "$byte" = " " ] && echo connack' bear "$1" || :)
    case $answer in
        connack) printf answers ;;
        *) if look_open "$1"; then printf open; else printf closed; fi ;;
    esac
}

look_log() {
    for broker in emqx mosquitto; do
        if command -v docker >/dev/null && container_exists "bear-$broker"; then
            run 30 docker logs --tail 20 "bear-$broker" 2>&1 || :
        fi
    done
    ! marked mosquitto || quiet 30 tail -n 20 "$root/var/log/mosquitto/mosquitto.log" ||
        quiet 30 journalctl -u mosquitto -q --no-pager -o cat -n 20 || :
}
