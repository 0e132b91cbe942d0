#!/bin/sh
# Debian's BusyBox 1.35.0 is built without wget's -T and dies of SIGSEGV when it is given: timeout(1) stands in.
limit=900
take=
for word; do
    shift
    if [ -n "$take" ]; then
        limit=$word
        take=
        continue
    fi
    case $word in
        -T | --timeout) take=yes ;;
        -T*) limit=${word#-T} ;;
        --timeout=*) limit=${word#--timeout=} ;;
        *) set -- "$@" "$word" ;;
    esac
done
exec timeout "$limit" busybox wget "$@"
