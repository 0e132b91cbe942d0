#!/bin/sh
# Starts Redis as user redis, like the official image: options alone mean redis-server.
set -e
case ${1-} in
    -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "${1-}" = redis-server ]; then
    # The official image is built with protected-mode off; Debian's build has it on.
    set -- "$@" --protected-mode no
    if [ "$(id -u)" = 0 ]; then
        find . ! -user redis -exec chown redis '{}' +
        exec setpriv --reuid=redis --regid=redis --init-groups -- "$@"
    fi
fi
exec "$@"
