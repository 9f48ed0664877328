#!/usr/bin/env bash
# Builds plugins from source, in C and in Rust, and runs them over the seeds:
#
#     .ci/plugins.sh PROGRAM ZIG...
#
# PROGRAM is a build of chaffinch with plugins, and ZIG... the command of Zig. The plugins are those that
# `chaffinch plugin new` writes.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
chaffinch=$(realpath "$1")
zig=("${@:2}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CHAFFINCH_CACHE_DIR=$work/cache
# The seeds, and documents that have a note for the plugin to remove.
mkdir "$work/documents"
cp corpus/seeds/*.txt docs/plugins/pages/*.txt "$work/documents"

# run NAME MODULE: checks a module, and cleans and restores the documents with it.
run() {
    "$chaffinch" plugin check "$2" "$work"/documents/*.txt --set words=Correction: --time
    sed "s|^      wasm: .*|      wasm: $2|" "$work/c/chaffinch.yaml" > "$work/$1.yaml"
    "$chaffinch" clean "$work/documents" -o "$work/$1-cleaned" --pipeline "$work/$1.yaml" --quiet
    "$chaffinch" restore "$work/$1-cleaned" -o "$work/$1-restored" --quiet
    diff -r "$work/documents" "$work/$1-restored"
    grep -q '"corrections"' "$work/$1-cleaned/.chaffinch/run.json"
    if grep -q failed_stages "$work/$1-cleaned/.chaffinch/run.json"; then
        echo "the plugin failed on a document"
        return 1
    fi
}

# same A B: whether two runs wrote the same texts.
same() {
    diff -r --exclude .chaffinch "$work/$1-cleaned" "$work/$2-cleaned"
}

"$chaffinch" plugin new corrections --language c -o "$work/c" > /dev/null
(cd "$work/c" && "${zig[@]}" cc -target wasm32-freestanding -O2 -s -Wall -Wextra -Werror -nostdlib \
    -Wl,--no-entry -o corrections.wasm corrections.c)
run c "$work/c/corrections.wasm"
if grep -q '^Correction' "$work/c-cleaned/bridge.txt"; then
    echo "the plugin removed nothing"
    exit 1
fi
# The module of docs/plugins.md is made of the same source.
run docs "$root/docs/plugins/corrections.wasm"
same c docs

"$chaffinch" plugin new corrections -o "$work/rust" > /dev/null
printf '\n[workspace]\n' >> "$work/rust/Cargo.toml"
(cd "$work/rust" && "$root/.ci/wasm-cargo.sh" build --release --quiet \
    --config "patch.crates-io.chaffinch-plugin-sdk.path='$root/crates/plugin-sdk'")
run rust "$work/rust/target/wasm32-unknown-unknown/release/corrections.wasm"
same c rust
