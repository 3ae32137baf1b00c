# The work, as root, with the port as its argument: settings, a restart if they are new, and the port open.
set -eu
port=$1
file=/etc/mosquitto/conf.d/bench.conf
wanted="set_tcp_nodelay true
allow_anonymous true
listener $port
protocol mqtt"
if [ "$(cat "$file" 2>/dev/null)" != "$wanted" ]; then
    printf '%s\n' "$wanted" >"$file.new"
    mv "$file.new" "$file"
    systemctl restart mosquitto
fi
tries=0
until ss -Hltn "sport = :$port" | grep -q .; do
    tries=$((tries + 1))
    [ "$tries" -le 200 ]
    sleep 0.05
done
