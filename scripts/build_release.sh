#!/usr/bin/env bash
# Builds what is released, of the last commit, into dist/: a source archive, and wheels for Linux on
# x86-64 with the kernels inside.
#
#   scripts/build_release.sh [PYTHON ...]    python3.11 and python3.12 unless named
#
# The wheel of 3.11 is for 3.11 alone, that of 3.12 for 3.12 and all that follow. They run where
# torch's own do (manylinux_2_28) and hold no OpenMP library: the kernels use the one that torch has
# loaded. Needs git and g++ (with its static library) and a package index.
set -euo pipefail
cd "$(dirname "$0")/.."

pythons=("$@")
[ $# -gt 0 ] || pythons=(python3.11 python3.12)
for python in "${pythons[@]}"; do
    "$python" -c "import venv" || { echo "$python is needed for its wheel" >&2; exit 2; }
done
[ -z "$(git status --porcelain)" ] || echo "changes that are not committed are left out" >&2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git archive HEAD --prefix=source/ | tar -x -C "$work"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH PIP_DISABLE_PIP_VERSION_CHECK=1
rm -rf dist

for python in "${pythons[@]}"; do
    rm -rf "$work/venv" "$work/plain"
    "$python" -m venv "$work/venv"
    bin=$work/venv/bin
    "$bin/pip" install --quiet -r requirements-release.txt
    [ -d dist ] || "$bin/python" -m build --no-isolation --sdist -o dist "$work/source"
    # From the archive, so that it is whole.
    PATH=$bin:$PATH "$bin/pip" wheel --quiet --no-deps --no-build-isolation --wheel-dir "$work/plain" \
        -Ccmake.define.SPARSEGAN_MANYLINUX=ON dist/*.tar.gz
    PATH=$bin:$PATH auditwheel repair --only-plat --plat manylinux_2_28_x86_64 -w dist "$work"/plain/*.whl
done
# The runtime's library knows nothing of Python: one wheel for all.
PATH=$bin:$PATH "$bin/pip" wheel --quiet --no-deps --no-build-isolation --wheel-dir "$work/runtime" \
    "$work/source/runtime"
PATH=$bin:$PATH auditwheel repair --only-plat --plat manylinux_2_28_x86_64 -w dist "$work"/runtime/*.whl
ls -l dist
