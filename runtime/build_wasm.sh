#!/usr/bin/env bash
# The core as a WebAssembly module, with 128-bit vectors: build_wasm.sh OUTPUT [-mrelaxed-simd]
set -euo pipefail
cd "$(dirname "$0")"
output=$1
shift
sources="base sha256 file graph fusion plan run api dispatch isa_portable"
clang-19 --target=wasm32 -std=c++17 -O3 -nostdlib -ffreestanding -fno-exceptions -fno-rtti \
  -fvisibility=hidden -ffp-contract=fast -msimd128 -mbulk-memory "$@" -Iinclude \
  $(for each in $sources; do echo "src/$each.cpp"; done) \
  -Wl,--no-entry -Wl,--export-dynamic -Wl,--export=__heap_base -Wl,-z,stack-size=1048576 -Wl,--strip-all \
  -o "$output"
