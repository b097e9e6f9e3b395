set -e
cd "$(dirname "$0")"
O=${1:-/tmp/rt_build}; mkdir -p $O
F="-std=c++17 -O3 -fPIC -fno-exceptions -fno-rtti -fvisibility=hidden -ffp-contract=fast -Iinclude -Wall -Wextra -Wno-psabi -DSG_X86"
CXX=${CXX:-g++}
for f in base sha256 file graph fusion plan run api dispatch isa_portable; do $CXX $F -c src/$f.cpp -o $O/$f.o & done; wait
$CXX $F -mavx2 -mfma -c src/isa_avx2.cpp -o $O/isa_avx2.o &
$CXX $F -mavx512f -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512 -c src/isa_avx512.cpp -o $O/isa_avx512.o & wait
$CXX -shared -o $O/_core.so $O/*.o -nostdlib -lc -lgcc 
