"""The work in pyinfra's operations."""

from pyinfra import host
from pyinfra.operations import files, server, systemd

settings = files.put(src="bench.conf", dest="/etc/mosquitto/conf.d/bench.conf", mode="644", _sudo=True)
systemd.service(service="mosquitto", restarted=True, _sudo=True, _if=settings.did_change)
# pyinfra's own `server.wait` needs netstat and looks once a second.
server.shell(
    commands=f"n=0; until ss -Hltn 'sport = :{host.data.port}' | grep -q .; do n=$((n+1)); [ $n -le 200 ] || exit 1; sleep 0.05; done"
)
