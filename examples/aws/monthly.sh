#!/bin/sh
# What cron runs, as often as it likes: new credits, last month's bill and that of the open month,
# whether they agree with what AWS says it applied, and a check. Silent when all is well.
#
#   monthly.sh --remaining-below 20% --expiring-within 30d --bill-missing
#
# Its arguments are those of `credits check`; what is said of AWS's variables in fill.sh, which
# comes first and once, holds here. Status 0: all is well; 1: something needs attention, and is
# shown; more: it was stopped, and nothing is half recorded.
set -eu
umask 077

here=$(dirname "$0")
folder=${CREDITS_AWS_FOLDER:-${XDG_DATA_HOME:-$HOME/.local/share}/credits/aws}
[ $# -gt 0 ] || set -- --remaining-below 20% --expiring-within 30d --bill-missing
if [ ! -r "$folder/from" ]; then
    printf '%s: the ledger is not filled yet: fill.sh YYYY-MM does it\n' "${0##*/}" >&2
    exit 2
fi

today=${CREDITS_TODAY:-$(date -u +%Y-%m-%d)}
year=${today%%-*} month=${today#*-}
month=${month%-*}
if [ "$month" = 01 ]; then
    last=$((year - 1))-12
else
    last=$(printf '%s-%02d' "$year" $((${month#0} - 1)))
fi
# The bills of months before the ledger begins are none of its business.
from=$(printf '%s\n' "$last" "$(cat "$folder/from")" | sort | tail -n 1)

status=0
"$here/fill.sh" -q "$from" || status=$?
[ "$status" -le 1 ] || exit "$status"
credits check "$@" || status=$?
exit "$status"
