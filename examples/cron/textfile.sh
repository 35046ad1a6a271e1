#!/bin/sh
# What cron or a timer runs for a node exporter: the figures and alerts of `credits check`, written
# whole or not at all, also where the check failed.
#
#   textfile.sh /var/lib/node_exporter/textfile/credits.prom [LIMITS…]
#
# What follows on the file are arguments of `credits check`; without them it looks for what
# `credits check --save` recorded. Status: that of the check.
set -u

if [ $# -eq 0 ]; then
    printf 'usage: %s FILE.prom [LIMITS...]\n' "${0##*/}" >&2
    exit 2
fi
file=$1
shift

# Beside the file, so that it can be renamed; the exporter passes over what does not end in .prom.
new=$(mktemp "$file.XXXXXX") || exit 4
trap 'rm -f "$new"' EXIT
trap 'exit 130' INT TERM

status=0
credits check --format prometheus "$@" >"$new" || status=$?
case $status in
0 | 1) ;;
*)
    # Whatever it did not say itself, as when it was killed, or is not there at all.
    grep -qx 'credits_up 0' "$new" ||
        printf '%s\n' '# HELP credits_up Whether the ledger could be read.' \
            '# TYPE credits_up gauge' 'credits_up 0' >"$new" ||
        rm -f "$file"
    ;;
esac
chmod 644 "$new"
mv -f "$new" "$file"
exit "$status"
