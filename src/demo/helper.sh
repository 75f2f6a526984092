#!/bin/sh
# The gateway of the demo, as a helper of the kind `command`: one file is one access. It stands for a target that cannot be
# changed for a while: the first removals fail, and then it recovers.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
verb=$1
spec=$(cat)
field() { printf '%s' "$spec" | sed -n "s/.*\"$1\":\"\([a-zA-Z0-9:.+-]*\)\".*/\1/p"; }
mark=$(field mark)
held="$here/gateway/$mark"
case $verb in
probe) echo '{}' ;;
grant)
    mkdir -p "$here/gateway"
    field until >"$held.new"
    mv "$held.new" "$held"
    echo '{}'
    ;;
observe)
    if [ -f "$held" ]; then
        printf '{"present":true,"until":"%s","sessions":0,"evidence":"route %s: there"}\n' "$(cat "$held")" "$mark"
    else
        printf '{"present":false,"until":null,"sessions":0,"evidence":"route %s: not there"}\n' "$mark"
    fi
    ;;
remove)
    tried=$(cat "$here/tried" 2>/dev/null || echo 0)
    if [ "$tried" -lt @FAILURES@ ]; then
        echo $((tried + 1)) >"$here/tried"
        echo 'gateway-2 does not answer: connection timed out' >&2
        exit 1
    fi
    rm -f "$held"
    echo '{}'
    ;;
*)
    echo "this gateway has no $verb" >&2
    exit 1
    ;;
esac
