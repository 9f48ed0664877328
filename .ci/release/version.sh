#!/usr/bin/env bash
# Checks that the sources are ready for the release of a version: .ci/release/version.sh [TAG]
#
# The workspace, the Python package and CHANGELOG.md must name the same version. A tag is `v` and the version.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
tag=${1:-v$version}
problem() {
    echo "$1" >&2
    exit 1
}
[ "$tag" = "v$version" ] || problem "the tag is $tag, but Cargo.toml has version $version"
grep -q "^version = \"$version\"" python/Cargo.toml || problem "python/Cargo.toml has another version than $version"
if grep -E '^chaffinch[a-z-]* = \{ path = ' Cargo.toml | grep -vqF "version = \"$version\""; then
    problem "[workspace.dependencies] has another version than $version"
fi
grep -qE "^## \[($version|Unreleased)\]" CHANGELOG.md || problem "CHANGELOG.md has no section for $version"
if [ $# -gt 0 ] && ! grep -q "^## \[$version\] - " CHANGELOG.md; then
    problem "CHANGELOG.md has no dated section for $version"
fi
echo "$version"
