#!/bin/sh
# Runs the recipe of examples/aws with the real AWS CLI against a stand-in for AWS on this machine
# (stub.py), and looks at the ledger. Nothing is sent to anywhere else.
#
#   tests/aws/run.sh target/debug/credits
#
# Prints a line a test that fails and, at the end, how many passed; status 1 if one failed. Without
# an `aws` on the path that knows of credits it installs one from PyPI below target/.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
recipe=$root/examples/aws
command=$(realpath "${1:?the path of credits}")

if ! aws billing get-credits --generate-cli-skeleton >/dev/null 2>&1; then
    place=$root/target/aws-cli
    if [ ! -x "$place/bin/aws" ]; then
        python3 -m venv "$place"
        "$place/bin/pip" install --quiet --disable-pip-version-check 'awscli==1.46.3'
    fi
    PATH=$place/bin:$PATH
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/credits-aws.XXXXXX")
mkdir "$work/bin" "$work/home"
ln -s "$command" "$work/bin/credits"
PATH=$work/bin:$PATH
export PATH
stub=
trap '[ -z "$stub" ] || kill "$stub"; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

it_is() { printf '{"today": "%s", "page": %s, "faults": {%s}}' "$1" "${3:-1000}" "${2:-}" >"$work/state"; }

it_is 2026-03-10
: >"$work/log"
python3 "$here/stub.py" "$work/state" "$work/log" >"$work/address" &
stub=$!
tries=0
while [ ! -s "$work/address" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 100 ] || { echo 'the stand-in for AWS does not start' >&2 && exit 1; }
    sleep 0.1
done

# Of the caller's settings none: a mistake here must not reach a real account.
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_REGION CREDITS_AWS_FAMILY CREDITS_AWS_BY_RULE CREDITS_NOW
AWS_ENDPOINT_URL=$(cat "$work/address")
export AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID=nobody AWS_SECRET_ACCESS_KEY=nothing
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_DEFAULT_REGION=eu-central-1
export AWS_EC2_METADATA_DISABLED=true AWS_MAX_ATTEMPTS=1 AWS_PAGER='' NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
export HOME="$work/home"

# ---- How it is looked at ------------------------------------------------------------------------

passed=0 failed=0
ok() { passed=$((passed + 1)); }
bad() {
    failed=$((failed + 1))
    printf 'FAILED: %s: %s\n' "$name" "$1"
    sed 's/^/    /' "$work/out" | tail -n 20
}

# A ledger and a folder of its own.
fresh() {
    name=$1
    rm -rf "$work/ledger"
    mkdir "$work/ledger"
    : >"$work/log"
    export CREDITS_LEDGER="$work/ledger/ledger.db" CREDITS_AWS_FOLDER="$work/ledger/aws"
    export CREDITS_AWS_EXPORT=s3://billing-of-111122223333/exports/credits CREDITS_TODAY=2026-03-10
    unset CREDITS_AWS_BY_RULE CREDITS_AWS_FAMILY
    it_is 2026-03-10
}

# Runs it; its status is in `status`, its words are in `out`.
does() {
    status=0
    "$@" >"$work/out" 2>&1 || status=$?
}

status_is() { if [ "$status" = "$1" ]; then ok; else bad "status $status, not $1"; fi; }
says() { if grep -qF -e "$1" "$work/out"; then ok; else bad "does not say \`$1\`"; fi; }
says_nothing() { if [ -s "$work/out" ]; then bad 'is not silent'; else ok; fi; }
asked() { if grep -qE -e "$1" "$work/log"; then ok; else bad "did not ask \`$1\`"; fi; }
no_ledger() { if [ -e "$CREDITS_LEDGER" ]; then bad 'something was recorded'; else ok; fi; }
state_of() { if [ -e "$CREDITS_LEDGER" ]; then sha256sum <"$CREDITS_LEDGER"; fi; }
unchanged() { if [ "$(state_of)" = "$1" ]; then ok; else bad 'something was recorded'; fi; }
clean() { if find "$CREDITS_AWS_FOLDER" -name 'run.*' | grep -q .; then bad 'leaves its folder behind'; else ok; fi; }
prints() {
    wanted=$1
    shift
    does "$@"
    if [ "$(tr -d '\r' <"$work/out")" = "$wanted" ]; then ok; else bad "$* does not print
$wanted"; fi
}

bills='bill,status,charges,credits,card,currency
111122223333/2026-01,final,98.0512345678,86.0512345678,12.00,USD
111122223333/2026-02,final,99.1250000007,99.1250000007,0.00,USD'

# ---- The first fill -----------------------------------------------------------------------------

fresh 'a ledger is filled with credits and bills, and agrees'
it_is 2026-03-10 '' 3
does "$recipe/fill.sh" 2026-01
status_is 0
says '2026-01: agrees with what AWS says it applied'
says '2026-02: agrees with what AWS says it applied'
clean
prints "$bills
111122223333/2026-03,estimated,28.25,28.25,0.00,USD" credits --format csv bills
does credits --json list
says '"initial_amount":"1000.00","used_amount":"435.1762345685",'
says '"remaining_amount":"564.8237654315","estimated_amount":"536.5737654315"'
says '"initial_amount":"100.00","used_amount":"0.00",'
says '"services":["AmazonSageMaker"]'
does credits --json reconcile
status_is 0
says '"disagreements":0'
does credits verify
status_is 0

name='credits are asked for from a year ago, the history page by page'
asked '^GetCredits .*"startDate": 1743465600}'
asked '^GetCreditAllocationHistory .*"startDate": 1767225600, "endDate": 1769904000, "maxResults": 1000}'
asked '"nextToken": "page-3"'
asked '"nextToken": "page-6"'

name='what is kept is for its owner only'
does find "$work/ledger" -perm /077 -not -path "$work/ledger"
says_nothing

name='a second fill records nothing'
before=$(state_of)
does "$recipe/fill.sh" 2026-01
status_is 0
unchanged "$before"

name='a month that follows on the same day records nothing and is silent'
does "$recipe/monthly.sh"
status_is 0
says_nothing
unchanged "$before"
clean

# ---- The next month -----------------------------------------------------------------------------

name='where AWS fails to answer, nothing is recorded of the next month'
export CREDITS_TODAY=2026-04-08
for fault in '"GetCallerIdentity": "denied"' '"GetCredits": "down"' '"GetCreditAllocationHistory": "partial"' \
    '"s3": "denied"' '"export": "part missing"' '"export": "being delivered"'; do
    it_is 2026-04-08 "$fault"
    does "$recipe/monthly.sh"
    if [ "$status" -ge 2 ]; then ok; else bad "$fault: status $status"; fi
    says 'nothing was recorded'
    unchanged "$before"
done

name='a difference to what AWS says is shown'
cp -r "$work/ledger" "$work/kept"
it_is 2026-04-08 '"GetCreditAllocationHistory": "differs"'
does "$recipe/monthly.sh"
status_is 1
says '2026-03: what was applied is not what AWS says'
says 'disagreements: 1'
rm -rf "$work/ledger"
mv "$work/kept" "$work/ledger"

name='the next month is booked in silence'
it_is 2026-04-08
does "$recipe/monthly.sh" --remaining-below 20% --expiring-within 30d --bill-missing
status_is 0
says_nothing
prints "$bills
111122223333/2026-03,final,62.25,62.25,0.00,USD
111122223333/2026-04,estimated,4.75,4.75,0.00,USD" credits --format csv bills
before=$(state_of)
does "$recipe/monthly.sh"
says_nothing
unchanged "$before"

name='an alert of the check is shown'
does "$recipe/monthly.sh" --remaining-below 90%
status_is 1
says 'remaining: '
unchanged "$before"

# ---- What does not go well at the first fill ----------------------------------------------------

while IFS='|' read -r what fault words; do
    fresh "$what stops it before anything is recorded"
    it_is 2026-03-10 "$fault" 3
    does "$recipe/fill.sh" 2026-01
    if [ "$status" -ge 2 ]; then ok; else bad "status $status"; fi
    says "$words"
    says 'nothing was recorded'
    no_ledger
done <<'FAULTS'
an account that is not known|"GetCallerIdentity": "denied"|ExpiredToken
a list of credits that is denied|"GetCredits": "denied"|AccessDeniedException
a list of credits that fails|"GetCredits": "down"|InternalServerException
a history that is denied|"GetCreditAllocationHistory": "denied"|AccessDeniedException
a history that fails|"GetCreditAllocationHistory": "down"|InternalServerException
a history with a month that AWS failed to return, on its last page|"GetCreditAllocationHistory": "partial"|AWS failed to return 2026-01
a bucket that is denied|"s3": "denied"|AccessDenied
a part that is denied|"s3": "2026-02/credits-00002"|AccessDenied
a part that is missing|"export": "part missing"|credits-00002.csv
a part that is cut|"export": "part cut"|credits-00001.csv.gz
a month that is missing|"export": "month missing"|holds no bill of 2026-01
an export that is being delivered|"export": "being delivered"|is being delivered just now
FAULTS

fresh 'a credit that AWS applied and does not list is said, by cron too'
does "$recipe/fill.sh" 2026-03
status_is 0
it_is 2026-04-08 '"export": "another credit"'
export CREDITS_TODAY=2026-04-08
does "$recipe/monthly.sh"
# shellcheck disable=SC2016 # not to be expanded
says '`AWS Free Tier` of account 111122223333, which is not on record'

fresh 'a credit that is new is said once, by cron too'
printf '2026-01' >"$work/from"
mkdir "$CREDITS_AWS_FOLDER"
mv "$work/from" "$CREDITS_AWS_FOLDER/from"
does "$recipe/monthly.sh"
status_is 0
says '7700000001,recorded,'
does "$recipe/monthly.sh"
says_nothing

fresh 'by the rule, where AWS applied by it, it agrees as well'
export CREDITS_AWS_BY_RULE=yes
does "$recipe/fill.sh" 2026-01
status_is 0
says '2026-02: agrees with what AWS says it applied'

fresh 'a management account asks for the credits of all'
export CREDITS_AWS_FAMILY=yes
it_is 2026-03-10 '"GetCreditAllocationHistory": "denied"'
does "$recipe/fill.sh" 2026-01
asked '"payerAccountFlag": true'

fresh 'a month that cannot be is refused'
for month in '' 2026 2026-13 2026-1 2026-04 2020-01 '2026-01 2026-02'; do
    # shellcheck disable=SC2086 # as many words as there are
    does "$recipe/fill.sh" $month
    status_is 2
done
no_ledger
does "$recipe/monthly.sh"
status_is 2
says 'fill.sh YYYY-MM'

# ---- Cost Explorer ------------------------------------------------------------------------------

fresh 'a ledger is filled from Cost Explorer'
unset CREDITS_AWS_EXPORT
it_is 2026-03-10 '' 20
does "$recipe/fill.sh" 2026-01
asked '^GetCostAndUsage .*"TimePeriod": {"Start": "2026-02-01", "End": "2026-03-01"}'
asked '"NextPageToken": "20"'
status_is 0
says 'accounts are not told apart'
prints "$bills
111122223333/2026-03,estimated,28.25,28.25,0.00,USD" credits --format csv bills
before=$(state_of)
does "$recipe/monthly.sh"
status_is 0
says_nothing
unchanged "$before"

# ---- The page -----------------------------------------------------------------------------------

fresh 'the lines of the page do what it says'
unset CREDITS_AWS_EXPORT
mkdir "$work/page"
# As version 2 of the CLI prints dates; and what it prints by default, if not told, is no matter.
printf '[default]\ncli_timestamp_format = iso8601\noutput = text\n' >"$work/config"
AWS_CONFIG_FILE=$work/config
cp "$recipe"/*.json "$work/page"
{
    echo 'set -eu'
    awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on' "$recipe/README.md"
} >"$work/page/lines.sh"
does sh -c "cd '$work/page' && sh lines.sh"
status_is 0
says 'disagreements: 0'
if grep -q '"startDate": "2025-06-01T' "$work/page/credits.json"; then ok; else bad 'prints dates otherwise'; fi
asked '^CreateExport '
asked '^PUT /billing-of-111122223333\?policy'
prints "$bills" credits --format csv bills
january='111122223333/2026-01,final,98.0512345678'
does credits --format csv bills --ledger "$work/page/by-rule.db"
says "$january,86.0512345678,12.00,USD"
does credits --format csv bills --ledger "$work/page/by-account.db"
says "$january,0.00,98.05,USD"

name='the crontab runs a script that is there, with its per cents escaped'
# shellcheck disable=SC2016 # not to be expanded
does grep -cE '^[0-9* ]+\$HOME/credits-aws/monthly\.sh .*20\\%' "$recipe/crontab"
status_is 0

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
