#!/bin/sh
# Plants each mistake of this folder in a copy of the work tree and requires that the tests of the
# rule notice it. Prints a line a patch; status 1 if one survives, does not apply or does not build.
set -eu

broken=$(cd "$(dirname "$0")" && pwd)
cd "$broken/../.."

place=$(mktemp -d "${TMPDIR:-/tmp}/credits-broken.XXXXXX")
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT TERM
mkdir "$place/tree"
git ls-files -co --exclude-standard | while IFS= read -r file; do
    [ ! -e "$file" ] || cp -P --parents "$file" "$place/tree"
done
cd "$place/tree"
export CARGO_TARGET_DIR="$place/target" RUST_BACKTRACE=0

builds() { cargo test --quiet --test it --no-run >"$place/out" 2>&1; }
passes() { cargo test --quiet --test it -- rules:: properties:: >"$place/out" 2>&1; }
change() { patch -p1 -s -f -F1 --no-backup-if-mismatch "$@" >"$place/out" 2>&1; }

if ! builds || ! passes; then
    tail -n 40 "$place/out" >&2
    echo "the tests fail without any mistake" >&2
    exit 1
fi

status=0
for mistake in "$broken"/*.patch; do
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
    elif passes; then
        echo "$name: SURVIVES"
        status=1
    else
        echo "$name: caught by $(grep -c '^---- .* stdout ----$' "$place/out") tests"
    fi
    change -R <"$mistake"
done
exit "$status"
