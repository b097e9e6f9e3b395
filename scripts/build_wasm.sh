#!/usr/bin/env bash
# Compiles the runtime to WebAssembly: the module that `sparsegan export --to html` puts into a page.
#
#   scripts/build_wasm.sh [FILE]   default: src/sparsegan/export/page/sparsegan.wasm, which is package
#                                  data and committed
#
# Needs Debian's clang-19 and lld-19. The same compiler makes the same bytes, which a test holds:
# compiler.txt beside the committed module says which one it was.
set -euo pipefail
cd "$(dirname "$0")/.."

output=${1:-src/sparsegan/export/page/sparsegan.wasm}
objects=$(mktemp -d)
trap 'rm -r "$objects"' EXIT

flags=(--target=wasm32 -std=c++17 -msimd128 -mbulk-memory -ffreestanding -nostdlib -fno-exceptions
    -fno-rtti -fvisibility=hidden -ffunction-sections -Iruntime/include)
for source in runtime/src/*.cpp; do
    case $source in
    */isa_portable.cpp) level=-O3 ;; # the kernels: 128 bits are what WebAssembly has
    */isa_*.cpp) continue ;;         # other machines'
    *) level=-Os ;;
    esac
    clang-19 "${flags[@]}" "$level" -c "$source" -o "$objects/$(basename "$source").o"
done

# sg_needs and sg_open take up to 256 KiB of stack.
link=(--no-entry --strip-all --gc-sections -z stack-size=524288 --export=__heap_base)
while read -r name; do link+=("--export=$name"); done < <(
    grep -E '^SG_API' runtime/include/sparsegan_runtime.h | grep -oE '\bsg_[a-z_]+\(' | tr -d '('
)
wasm-ld-19 "${link[@]}" "$objects"/*.o -o "$output"
[ $# -gt 0 ] || clang-19 --version | head -n 1 >"$(dirname "$output")/compiler.txt"
