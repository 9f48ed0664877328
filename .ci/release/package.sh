#!/usr/bin/env bash
# Packages a built program for a release:
#
#     .ci/release/package.sh PROGRAM TARGET OUT
#
# Writes OUT/chaffinch-VERSION-TARGET.tar.gz with the program, the manual page, completions, licences and
# documents, and its SHA-256 beside it. The program must run on this machine; for another, RUNNABLE names a
# build of the same version that does.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1 target=$2 out=$3
runnable=${RUNNABLE:-$program}
version=$("$runnable" --version | cut -d ' ' -f 2)
name=chaffinch-$version-$target
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/$name/completions" "$work/$name/man/man1" "$out"
out=$(cd "$out" && pwd)
case $target in
    *windows*) binary=chaffinch.exe ;;
    *) binary=chaffinch ;;
esac
cp "$program" "$work/$name/$binary"
chmod 755 "$work/$name/$binary"
cp README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$work/$name"
"$runnable" man > "$work/$name/man/man1/chaffinch.1"
"$runnable" completions bash > "$work/$name/completions/chaffinch.bash"
"$runnable" completions zsh > "$work/$name/completions/_chaffinch"
"$runnable" completions fish > "$work/$name/completions/chaffinch.fish"
"$runnable" completions powershell > "$work/$name/completions/_chaffinch.ps1"
tar -C "$work" -czf "$out/$name.tar.gz" "$name"
if command -v sha256sum > /dev/null; then
    (cd "$out" && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")
else
    (cd "$out" && shasum -a 256 "$name.tar.gz" > "$name.tar.gz.sha256")
fi
echo "$out/$name.tar.gz"
