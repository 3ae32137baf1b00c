#!/bin/sh
# context.sh DIR BINARY: makes DIR the context that the Dockerfile beside this script is built in.
# It needs busybox-static; BUSYBOX names another than the one on PATH.
set -eu

context=$1 binary=$2
here=$(dirname "$0")
busybox=${BUSYBOX:-$(command -v busybox)}
applets='sh ash awk cat chmod cp cut date df du echo env false find free grep head hostname id ip kill ls mkdir mktemp
mv nc netstat nslookup ping pgrep ps pwd rm sed sleep sort stat tail tee test top touch tr true uname uptime wc wget whoami'

if ldd "$busybox" >/dev/null 2>&1; then
    echo "$busybox needs libraries; install busybox-static" >&2
    exit 1
fi

rootfs=$context/rootfs
mkdir -p "$rootfs/bin" "$rootfs/usr/bin" "$rootfs/etc/ssl/certs" "$rootfs/tmp" \
    "$context/emqx/bin" "$context/emqx/etc" "$context/emqx/data" "$context/emqx/log"
chmod 1777 "$rootfs/tmp"
cp "$here/Dockerfile" "$context/Dockerfile"

cp "$busybox" "$rootfs/bin/busybox"
for applet in $applets; do
    ln -sf busybox "$rootfs/bin/$applet"
done

# Without the symbols it is less than half as big, and every host of a lab pulls it.
strip -o "$rootfs/usr/bin/emqx-standin" "$binary" 2>/dev/null || cp "$binary" "$rootfs/usr/bin/emqx-standin"
# The libraries and their loader, each where the program looks for it.
for library in $(ldd "$binary" | grep -o '/[^ ]*'); do
    mkdir -p "$rootfs$(dirname "$library")"
    cp -L "$library" "$rootfs$library"
done

install -m 755 "$here/docker-entrypoint.sh" "$rootfs/usr/bin/docker-entrypoint.sh"
install -m 755 "$here/emqx" "$context/emqx/bin/emqx"
printf 'root:x:0:0:root:/root:/bin/sh\nemqx:x:1000:1000::/opt/emqx:/bin/sh\n' >"$rootfs/etc/passwd"
printf 'root:x:0:\nemqx:x:1000:\n' >"$rootfs/etc/group"
printf 'hosts: files dns\n' >"$rootfs/etc/nsswitch.conf"
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    cp -L /etc/ssl/certs/ca-certificates.crt "$rootfs/etc/ssl/certs/ca-certificates.crt"
fi
