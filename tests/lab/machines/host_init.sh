#!/bin/sh
# The first program of a lab host, run as process 1 of its own PID, mount, UTS and network namespaces.
# Usage: host_init.sh <state folder of this host> <host name>
# Everything a deploy may write is private to the host; what belongs to the operator's machine is hidden,
# so that a path of that machine can never work by accident. Writes <state>/run/lab-ready when done.
set -eu
state=$1
name=$2

hostname "$name"

private() {
    mkdir -p "$state/$2" "$1"
    mount --bind "$state/$2" "$1"
}

empty() {
    mount -t tmpfs -o size=1m,mode=0755 tmpfs "$1"
}

private /etc etc
private /run run
private /root root
private /home home
private /opt opt
private /srv srv
private /tmp tmp
private /usr/local usr-local
private /var/tmp var-tmp
private /var/log var-log
private /var/lib/docker docker
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
chmod 1777 /tmp /var/tmp

for folder in /*; do
    case $folder in
        /bin | /boot | /dev | /etc | /home | /lib | /lib32 | /lib64 | /libx32 | /opt | /proc) ;;
        /root | /run | /sbin | /srv | /sys | /tmp | /usr | /var) ;;
        *) if [ -d "$folder" ] && [ ! -L "$folder" ]; then empty "$folder"; fi ;;
    esac
done
if [ -d /var/cache/opsctl-lab ]; then empty /var/cache/opsctl-lab; fi
empty /var/lib/opsctl-lab

: >/run/lab-ready
exec sleep infinity
