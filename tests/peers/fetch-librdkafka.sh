#!/usr/bin/env bash
# Fetches librdkafka as the crate rdkafka-sys brings it, builds its rdkafka_performance and the programs in librdkafka/ into
# target/peers/librdkafka, once, and prints that folder. Needs a C compiler and make.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
built=$here/../../target/peers/librdkafka
mkdir -p "$built"
built=$(cd "$built" && pwd)

for tool in cc make; do
    command -v "$tool" >/dev/null || { echo "$tool is missing (Debian: apt-get install build-essential)" >&2; exit 1; }
done
# Copied last, so what was interrupted is done again.
if ! cmp -s "$here/librdkafka/Cargo.toml" "$built/Cargo.toml"; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cp "$here/librdkafka/Cargo.toml" "$work"
    manifest=$(cd "$work" && cargo metadata --format-version 1 |
        sed 's/.*"manifest_path":"\([^"]*rdkafka-sys-[^"]*\)".*/\1/')
    cp -r "$(dirname "$manifest")/librdkafka" "$work/source"
    cd "$work/source"
    {
        ./configure --disable-ssl --disable-gssapi --disable-curl --disable-zstd --enable-static
        make -C src
        make -C examples rdkafka_performance
    } >"$built/build.log" 2>&1 || { tail "$built/build.log" >&2; exit 1; }
    cp examples/rdkafka_performance src/librdkafka.a src/rdkafka.h "$built"
    cp "$here/librdkafka/Cargo.toml" "$built"
    cd "$here"
fi
for program in open_loop transactions; do
    if [ "$here/librdkafka/$program.c" -nt "$built/$program" ]; then
        cc -O2 -Wall -Wextra -Werror -isystem "$built" -o "$built/$program" "$here/librdkafka/$program.c" \
            "$built/librdkafka.a" -lm -lz -ldl -lpthread -lrt
    fi
done
echo "$built"
