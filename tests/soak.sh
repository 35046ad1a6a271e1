#!/bin/sh
# Tries COUNT random ledgers (ten thousand unless told otherwise), from seed FIRST on, against the
# naive model, with the optimized build, and prints a dated line with what was tried. Status 1 if
# one of them disagrees: then its seed and its commands, made as few as can be, are printed.
#
#     tests/soak.sh [COUNT [FIRST]]
set -eu

count=${1:-10000}
first=${2:-1}
cd "$(dirname "$0")/.."

# As it is shipped, overflow checks included, but linked in a fraction of the time.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
export CREDITS_TEST_SEEDS="$count" CREDITS_TEST_SEED="$first" RUST_BACKTRACE=0

out=$(mktemp)
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM
if ! cargo test --quiet --release --test it -- --nocapture ledgers_agree_with_the_naive_model >"$out" 2>&1; then
    cat "$out" >&2
    exit 1
fi
tried=$(sed -n 's/^tried: //p' "$out")
echo "$(date -u +%F): $tried; none disagreed with the naive model"
