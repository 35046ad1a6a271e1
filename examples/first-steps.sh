#!/usr/bin/env bash
# The main job on the files beside this script: a code redeemed, two bills applied, the balance,
# an explanation and a cron-style check. Uses a ledger of its own, in a temporary folder.
#
#   examples/first-steps.sh [path of the command, by default target/release/credits]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
credits=$(realpath "${1:-$here/../target/release/credits}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CREDITS_LEDGER="$folder/ledger.db"

run() {
    printf '\n$ credits %s\n' "$*"
    "$credits" "$@"
}

export CREDITS_TODAY=2017-06-05
run redeem HCP2017AAAA1 --offer "$here/programs/connectome-2017.json" --account 111122223333
export CREDITS_TODAY=2017-07-03
printf '\n$ credits apply < bill-2017-06.json\n'
"$credits" apply < "$here/bill-2017-06.json"
export CREDITS_TODAY=2017-08-03
run apply "$here/bill-2017-07.json"
run balance
run explain 111122223333/2017-06
run explain 111122223333/2017-07 ec2
printf '\n$ credits check --remaining-below 20%% --card-above 0\n'
if "$credits" check --remaining-below 20% --card-above 0; then
    echo "all is well"
else
    echo "(status $?: an alert fired)"
fi
run verify
