#!/bin/sh
# Plants each mistake of this folder, or each PATCH named, in a copy of the work tree and requires
# that tests notice it: those that its line `# tests: NAME` names, else those of the rule. Prints a
# line a patch; status 1 if one survives, does not apply or does not build.
set -eu

broken=$(cd "$(dirname "$0")" && pwd)
[ "$#" -gt 0 ] || set -- "$broken"/*.patch
for mistake in "$@"; do
    shift
    set -- "$@" "$(realpath "$mistake")"
done
cd "$broken/../.."

place=$(mktemp -d "${TMPDIR:-/tmp}/credits-broken.XXXXXX")
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT TERM
mkdir "$place/tree"
git ls-files -co --exclude-standard | while IFS= read -r file; do
    [ ! -e "$file" ] || cp -P --parents "$file" "$place/tree"
done
cd "$place/tree"
export CARGO_TARGET_DIR="$place/target" RUST_BACKTRACE=0 PROPTEST_MAX_SHRINK_ITERS=0

builds() { cargo test --quiet --test it --no-run >"$place/out" 2>&1; }
tests_of() { sed -n '1s/^# tests: //p' "$1" | grep . || echo "rules:: properties::"; }
# Names of tests have no spaces: each word is one.
passes() { cargo test --quiet --test it -- $1 >"$place/out" 2>&1; }
change() { patch -p1 -s -f -F1 --no-backup-if-mismatch "$@" >"$place/out" 2>&1; }

all=$(for mistake in "$@"; do tests_of "$mistake"; done | tr ' ' '\n' | sort -u | tr '\n' ' ')
if ! builds || ! passes "$all"; then
    tail -n 40 "$place/out" >&2
    echo "the tests fail without any mistake" >&2
    exit 1
fi

status=0
for mistake in "$@"; do
    name=$(basename "$mistake" .patch)
    if ! change --dry-run <"$mistake"; then
        echo "$name: does not apply"
        status=1
        continue
    fi
    change <"$mistake"
    if ! builds; then
        echo "$name: does not build"
        status=1
    elif passes "$(tests_of "$mistake")"; then
        echo "$name: SURVIVES"
        status=1
    else
        echo "$name: caught by $(grep -c '^---- .* stdout ----$' "$place/out") tests"
    fi
    change -R <"$mistake"
done
exit "$status"
