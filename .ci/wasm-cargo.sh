#!/usr/bin/env bash
# Runs cargo for the target wasm32-unknown-unknown: `.ci/wasm-cargo.sh build --release`.
#
# If rustup cannot install the target, the compiler and the source of the standard library come from Debian,
# which builds them for its browsers.
set -euo pipefail
unset CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_LTO CARGO_PROFILE_RELEASE_DEBUG
sysroot=$(rustc --print sysroot)
target=wasm32-unknown-unknown
if [ -d "$sysroot/lib/rustlib/$target" ] || rustup target add "$target" 2> /dev/null; then
    exec cargo "$1" --target "$target" "${@:2}"
fi
debian=${XDG_CACHE_HOME:-$HOME/.cache}/chaffinch-rustc-web
if [ ! -x "$debian/rustc" ]; then
    echo "rustup cannot install $target; installing Debian's rustc-web" >&2
    downloads=$(mktemp -d)
    trap 'rm -rf "$downloads"' EXIT
    if [ "$(id -u)" -eq 0 ]; then apt-get update -qq; fi
    # The newest version, and the libraries that it needs, without installing them.
    needs() { apt-cache show --no-all-versions "$1" | sed -n 's/^Depends: //p' | grep -oE "$2" | head -n 1; }
    library=$(needs libstd-rust-web-dev 'libstd-rust-web-[0-9.]+')
    llvm=$(needs "$library" 'libllvm[0-9]+')
    (cd "$downloads" && apt-get download -qq rustc-web rust-web-src libstd-rust-web-dev "$library" "$llvm") \
        2> /dev/null
    rm -rf "$debian"
    mkdir -p "$debian"
    for package in "$downloads"/*.deb; do
        dpkg -x "$package" "$debian"
    done
    cat > "$debian/rustc" <<END
#!/bin/sh
export LD_LIBRARY_PATH=$(dirname "$(find "$debian/usr/lib" -name 'librustc_driver-*.so' | head -n 1)")
exec "$debian/usr/bin/rustc" "\$@"
END
    chmod +x "$debian/rustc"
fi
linker=$(find "$sysroot" -name rust-lld -type f | head -n 1)
RUSTC=$debian/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker \
    exec cargo "$1" -Zbuild-std=std,panic_abort --target "$target" "${@:2}"
