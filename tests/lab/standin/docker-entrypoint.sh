#!/bin/sh
# Names the node as EMQX's own entrypoint does: by the variable, or by the first IPv4 address of the container.
set -eu

# In 5.0 this script's own variable always wins over EMQX's.
case $EMQX_STANDIN_VERSION in
    5.0.*) given=${EMQX_NODE_NAME:-} ;;
    *) given=${EMQX_NODE_NAME:-}${EMQX_NODE__NAME:-} ;;
esac

if [ -z "$given" ]; then
    host=${EMQX_HOST:-}
    for address in $(hostname -i 2>/dev/null || :); do
        case $address in
            127.* | *:*) ;;
            *) host=${host:-$address} ;;
        esac
    done
    export EMQX_NODE_NAME="${EMQX_NAME:-emqx}@${host:-127.0.0.1}"
fi

exec "$@"
