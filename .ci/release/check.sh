#!/usr/bin/env bash
# Checks a release archive on this machine: its checksum, its files, and the program on the seeds.
#
#     .ci/release/check.sh ARCHIVE
#
# If FEATURES names plugins, as in a published release, it also runs one.
set -euo pipefail
archive=$(realpath "$1")
cd "$(dirname "$0")/../.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CHAFFINCH_CACHE_DIR=$work/cache
(cd "$(dirname "$archive")" && sha256sum --quiet --check "$archive.sha256")
tar -C "$work" -xzf "$archive"
folder=$work/$(basename "$archive" .tar.gz)
for file in README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE man/man1/chaffinch.1 \
    completions/chaffinch.bash completions/_chaffinch completions/chaffinch.fish completions/_chaffinch.ps1; do
    if [ ! -s "$folder/$file" ]; then
        echo "$file is missing in the archive"
        exit 1
    fi
done
bash -n "$folder/completions/chaffinch.bash"
if file "$folder/chaffinch" 2> /dev/null | grep -q 'not stripped'; then
    echo "the program is not stripped"
    exit 1
fi
# Outside the repository, so that nothing of it is used.
cd "$work"
"$folder/chaffinch" clean "$root/corpus/seeds" -o cleaned
"$folder/chaffinch" restore cleaned -o restored
diff -r "$root/corpus/seeds" restored
if [[ ${FEATURES:-} == *plugins* ]]; then
    "$folder/chaffinch" plugin check "$root/docs/plugins/corrections.wasm" --set words=Correction:
fi
