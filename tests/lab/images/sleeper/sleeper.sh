#!/bin/sh
# Sleeps until it is told to stop, and then stops at once. Process 1 ignores a signal it does not trap.
trap 'exit 0' TERM INT
while :; do
    sleep 3600 &
    wait $!
done
