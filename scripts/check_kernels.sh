#!/usr/bin/env bash
# Builds the kernels' own test program (tests/engine/csrc) and runs it.
#
#   scripts/check_kernels.sh plain     as it is: every instruction set of this machine
#   scripts/check_kernels.sh sanitize  under AddressSanitizer and UndefinedBehaviorSanitizer
#   scripts/check_kernels.sh valgrind  under memcheck, which knows no AVX-512: its shapes run on AVX2
#   scripts/check_kernels.sh neon      cross compiled for ARM and emulated (Debian: packages
#                                      g++-aarch64-linux-gnu and qemu-user)
#
# A second argument is the number of random problems, further ones name instruction sets.
set -euo pipefail
cd "$(dirname "$0")/.."

how=${1:?plain, sanitize, valgrind or neon}
problems=${2:-}
shift $(($# < 2 ? $# : 2))
folder=build/kernels-$how

configure=(-DSPARSEGAN_TESTS=ON -DSPARSEGAN_EMULATED=ON)
run=()
case $how in
# One program: memcheck names lines of it.
plain | valgrind)
    folder=build/kernels
    configure+=(-DCMAKE_CXX_FLAGS=-g)
    ;;&
plain) ;;
sanitize)
    configure+=(-DSPARSEGAN_SANITIZE=address,undefined)
    problems=${problems:-100}
    ;;
valgrind)
    run=(valgrind --quiet --error-exitcode=1 --leak-check=full --show-leak-kinds=definite
        --errors-for-leak-kinds=definite)
    problems=${problems:-40}
    ;;
neon)
    configure+=(-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64
        -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++)
    run=(qemu-aarch64 -L /usr/aarch64-linux-gnu)
    problems=${problems:-60}
    ;;
*)
    echo "$how is not plain, sanitize, valgrind or neon" >&2
    exit 2
    ;;
esac

cmake -S . -B "$folder" "${configure[@]}" >/dev/null
cmake --build "$folder" --parallel "$(nproc)" --target test_kernels
# Threads that wait must not spin: under a tool they run in turn.
OMP_WAIT_POLICY=passive "${run[@]}" "$folder/test_kernels" "${problems:-200}" "$@"
