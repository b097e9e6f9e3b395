#!/usr/bin/env bash
# The fuzzer, with sanitizers: build.sh OUTPUT. Debian's clang-19 and libclang-rt-19-dev.
set -euo pipefail
cd "$(dirname "$0")/.."
clang++-19 -std=c++17 -O2 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
  -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -Iinclude -Isrc fuzz/fuzz.cpp src/{base,sha256,file,graph,fusion,layout,plan,run,api,dispatch,isa_portable}.cpp \
  -o "$1"
