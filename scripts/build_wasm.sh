#!/usr/bin/env bash
# Compiles the runtime to WebAssembly: the modules that `sparsegan export --to html` puts into a page.
#
#   scripts/build_wasm.sh [FOLDER]   default: src/sparsegan/export/page, where they are package data
#                                    and committed
#
# sparsegan.wasm runs in every browser of its time, relaxed.wasm in those that have relaxed SIMD: its
# multiply-adds round once. Needs Debian's clang-19 and lld-19. The same compiler makes the same
# bytes, which a test holds: compiler.txt beside the modules says which one it was.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-src/sparsegan/export/page}
objects=$(mktemp -d)
trap 'rm -r "$objects"' EXIT

flags=(--target=wasm32 -std=c++17 -msimd128 -mbulk-memory -ffreestanding -nostdlib -fno-exceptions
    -fno-rtti -fvisibility=hidden -ffunction-sections -Iruntime/include)
for source in runtime/src/*.cpp; do
    object=$objects/$(basename "$source" .cpp)
    case $source in
    */isa_portable.cpp) # the kernels: 128 bits are what WebAssembly has
        clang-19 "${flags[@]}" -O3 -c "$source" -o "$objects/kernels.plain"
        clang-19 "${flags[@]}" -O3 -mrelaxed-simd -c "$source" -o "$objects/kernels.relaxed"
        ;;
    */isa_*.cpp) ;; # other machines'
    *) clang-19 "${flags[@]}" -Os -c "$source" -o "$object.o" ;;
    esac
done

# sg_needs and sg_open take up to 256 KiB of stack.
link=(--no-entry --strip-all --gc-sections -z stack-size=524288 --export=__heap_base)
while read -r name; do link+=("--export=$name"); done < <(
    grep -E '^SG_API' runtime/include/sparsegan_runtime.h | grep -oE '\bsg_[a-z_]+\(' | tr -d '('
)
wasm-ld-19 "${link[@]}" "$objects"/*.o "$objects/kernels.plain" -o "$folder/sparsegan.wasm"
wasm-ld-19 "${link[@]}" "$objects"/*.o "$objects/kernels.relaxed" -o "$folder/relaxed.wasm"
clang-19 --version | head -n 1 >"$folder/compiler.txt"
