#!/bin/sh
# As Eclipse's image does it: what belongs to the broker's user is given to it, as far as it can be written.
set -e
if [ "$(id -u)" = 0 ]; then
    chown -R mosquitto:mosquitto /mosquitto 2>/dev/null || :
fi
exec "$@"
