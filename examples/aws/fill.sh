#!/bin/sh
# Fills a ledger from an AWS account, from a month on: its credits, its bills until today, and
# whether both agree with what AWS says it applied. Run again, it records what is new, and nothing
# where nothing is.
#
#   fill.sh 2026-01       the first month whose bills the ledger is to have
#   fill.sh -q 2026-01    says only what needs attention
#
# CREDITS_AWS_EXPORT    s3://BUCKET/PREFIX/NAME of a data export; without it, Cost Explorer is asked
# CREDITS_AWS_FAMILY    `yes`: the credits of all accounts of this management account
# CREDITS_AWS_BY_RULE   `yes`: apply by the rule of application, not as AWS billed
# CREDITS_AWS_FOLDER    where answers are kept [~/.local/share/credits/aws]
#
# Status 0: all is well; 1: something does not agree, and is shown; more: it was stopped. An answer
# that AWS fails to give stops it before anything is recorded.
set -eu
umask 077

folder=${CREDITS_AWS_FOLDER:-${XDG_DATA_HOME:-$HOME/.local/share}/credits/aws}
delivery=${CREDITS_AWS_EXPORT:-}
delivery=${delivery%/}
book=--as-billed
# Cost Explorer does not say which credit paid.
if [ -z "$delivery" ] || [ "${CREDITS_AWS_BY_RULE:-}" = yes ]; then
    book=
fi

stop() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 2
}

quiet=no
if [ "${1:-}" = -q ]; then
    quiet=yes
    shift
fi
case $#,${1:-} in
1,[0-9][0-9][0-9][0-9]-0[1-9] | 1,[0-9][0-9][0-9][0-9]-1[0-2]) from=$1 ;;
*) stop 'which month is the first: fill.sh [-q] YYYY-MM' ;;
esac

# ---- Months ---------------------------------------------------------------------------------------

number() { printf '%s\n' "${1%-*}${1#*-}"; }

month_after() {
    year=${1%-*} month=${1#*-}
    if [ "$month" = 12 ]; then
        printf '%04d-01\n' $((year + 1))
    else
        printf '%s-%02d\n' "$year" $((${month#0} + 1))
    fi
}

today=${CREDITS_TODAY:-$(date -u +%Y-%m-%d)}
open=${today%-*}
months='' closed='' count=0
month=$from
while [ "$(number "$month")" -le "$(number "$open")" ]; do
    months="$months $month"
    [ "$month" = "$open" ] || closed="$closed $month"
    count=$((count + 1))
    [ "$count" -le 24 ] || stop "AWS answers for 24 months at most, and $from is longer ago"
    month=$(month_after "$month")
done
[ -n "$months" ] || stop "$from is not here yet"
last=${closed##* }
last=${last:-$from}

# ---- What AWS says --------------------------------------------------------------------------------

mkdir -p "$folder"
run=$(mktemp -d "$folder/run.XXXXXX")
step=asking
ended() {
    status=$?
    if [ "$status" -le 1 ] && [ "$step" = over ]; then
        rm -rf "$run"
        return
    fi
    case $step in
    asking) rm -rf "$run" && set -- 'stopped, nothing was recorded' ;;
    reading) set -- "stopped, nothing was recorded; the answers of AWS are in $run" ;;
    *) set -- "stopped; the answers of AWS are in $run" ;;
    esac
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    # What `aws` ends with, which may be 1, is no answer to whether all is well.
    [ "$status" -gt 1 ] || exit 2
}
trap ended EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# These services are in one region, whatever the default one is.
ask() { aws --region us-east-1 --output json "$@"; }

# The value of a member of an answer, which the CLI prints a member a line.
member() { sed -n "s/^ *\"$1\": \"\([^\"]*\)\".*/\1/p" "$2" | head -n 1; }

ask sts get-caller-identity >"$run/caller.json"
account=$(member Account "$run/caller.json")
[ -n "$account" ] || stop 'AWS does not say whose account this is'

# At most one year back: the first of next month, a year ago.
year_ago=$(month_after "$open")
year_ago=$((${year_ago%-*} - 1))-${year_ago#*-}-01T00:00:00Z
family=
[ "${CREDITS_AWS_FAMILY:-}" != yes ] || family=--payer-account-flag
# shellcheck disable=SC2086 # no flag is no word
ask billing get-credits --account-id "$account" --start-date "$year_ago" $family \
    >"$run/credits.json"

# Page by page: where the CLI puts the pages together, it keeps of the failed months only those of
# the first.
page=1 token=
while :; do
    ask billing get-credit-allocation-history --account-id "$account" \
        --start-date "$from-01T00:00:00Z" --end-date "$last-01T00:00:00Z" \
        --no-paginate --max-results 1000 ${token:+--next-token "$token"} \
        >"$run/history.$page"
    cat "$run/history.$page" >>"$run/history.json"
    token=$(member nextToken "$run/history.$page")
    [ -n "$token" ] || break
    page=$((page + 1))
done

fetch_export() {
    set --
    for month in $months; do
        set -- "$@" --include "*/BILLING_PERIOD=$month/*"
    done
    aws s3 sync "$delivery/" "$folder/export" --no-progress --delete --exact-timestamps \
        --exclude '*' "$@"
}

is_there() { [ -e "$1" ]; }

fetch_costs() {
    page=1 token=
    while :; do
        ask ce get-cost-and-usage --granularity DAILY --metrics UnblendedCost \
            --time-period "Start=$1-01,End=$(month_after "$1")-01" \
            --group-by Type=DIMENSION,Key=SERVICE Type=DIMENSION,Key=RECORD_TYPE \
            ${token:+--next-page-token "$token"} >"$run/costs-$1-$page.json"
        token=$(member NextPageToken "$run/costs-$1-$page.json")
        [ -n "$token" ] || break
        page=$((page + 1))
    done
}

set --
if [ -n "$delivery" ]; then
    fetch_export >/dev/null
    # What came while it was fetched may belong to another edition than what was there.
    [ -z "$(fetch_export)" ] || stop "$delivery is being delivered just now: again in an hour"
    for month in $months; do
        if is_there "$folder/export/metadata/BILLING_PERIOD=$month"/*Manifest.json; then
            set -- "$@" "$folder/export/metadata/BILLING_PERIOD=$month"/*Manifest.json \
                "$folder/export/data/BILLING_PERIOD=$month"/*.csv.gz
        elif [ "$month" != "$open" ]; then
            stop "$delivery holds no bill of $month"
        fi
    done
else
    for month in $months; do
        fetch_costs "$month"
        set -- "$@" "$run/costs-$month"-*.json
    done
    set -- --payer "$account" "$@"
fi
[ $# -gt 0 ] || stop "$delivery holds no bill of $from yet"

# ---- On record ------------------------------------------------------------------------------------

# Months that AWS failed to return, bills that cannot be read, parts that are missing: better known
# before the first of it is recorded.
step=reading
credits --quiet import get-credits --dry-run "$run/credits.json" \
    --history "$run/history.json" --from "$from"
# shellcheck disable=SC2086 # no flag is no word
credits --quiet apply --dry-run $book "$@"

step=recording

# Runs `credits`; if it is to be quiet, only those of its lines are shown that hold the first words
# and not the second.
tell() {
    words=$1 but=$2
    shift 2
    if [ "$quiet" = no ]; then
        credits "$@"
        return
    fi
    status=0
    credits --format csv "$@" >"$run/said" 2>&1 || status=$?
    if [ "$status" -gt 0 ]; then
        cat "$run/said" >&2
        return "$status"
    fi
    tr -d '\r' <"$run/said" | grep -E "$words" | grep -vE "$but" || true
}

# What is left of a credit moves with the bills; they come next.
tell ',recorded,|,changed,|changed the terms|looks like' ',"remaining: [^;]*"$' \
    import get-credits "$run/credits.json" --history "$run/history.json" --from "$from"
# shellcheck disable=SC2086 # no flag is no word
tell 'which is not on record' '^$' apply $book "$@"

agrees=yes
credits --format csv bills >"$run/bills.csv"
if [ -z "$delivery" ] && grep '"accountId"' "$run/history.json" | grep -qv "\"$account\""; then
    closed=''
    [ "$quiet" = yes ] || echo 'not compared with what AWS says: in Cost Explorer accounts are not told apart'
fi
for month in $closed; do
    # An open bill still moves: it is compared when it is final.
    grep -q "/${month}[^,]*,final," "$run/bills.csv" || continue
    status=0
    credits reconcile --month "$month" "$run/history.json" >"$run/compared" || status=$?
    if [ "$status" -gt 0 ]; then
        printf '%s: what was applied is not what AWS says\n' "$month"
        cat "$run/compared"
        [ "$status" -eq 1 ] || exit "$status"
        agrees=no
    elif [ "$quiet" = no ]; then
        printf '%s: agrees with what AWS says it applied\n' "$month"
    fi
done

[ "$quiet" = yes ] || printf '%s\n' "$from" >"$folder/from"
step=over
[ "$agrees" = yes ]
