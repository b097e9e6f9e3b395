#!/usr/bin/env bash
# The fuzzer, with sanitizers: build.sh OUTPUT. Debian's clang-19 and libclang-rt-19-dev.
#
# Every input goes through the kernels of all instruction sets that are compiled here and that the
# processor has.
set -euo pipefail
cd "$(dirname "$0")/.."
objects=$(mktemp -d)
trap 'rm -r "$objects"' EXIT
flags=(-std=c++17 -O2 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
  -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -Iinclude -Isrc)
[ "$(uname -m)" != x86_64 ] || flags+=(-DSG_X86)
for source in src/*.cpp fuzz/fuzz.cpp; do
  own=()
  case $source in
  */isa_avx*) [ "$(uname -m)" = x86_64 ] || continue ;;&
  */isa_avx2.cpp) own=(-mavx2 -mfma) ;;
  */isa_avx512.cpp) own=(-mavx512f -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512) ;;
  esac
  clang++-19 "${flags[@]}" "${own[@]}" -c "$source" -o "$objects/$(basename "$source").o"
done
clang++-19 "${flags[@]}" "$objects"/*.o -o "$1"
