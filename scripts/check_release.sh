#!/usr/bin/env bash
# Installs what is in dist/ as a user would, each time in a fresh environment, and tries it: the wheel,
# the source archive with a compiler, and the source archive without one; and the runtime's wheel, with
# NumPy alone, on what the first of them has exported.
#
#   scripts/check_release.sh [PYTHON]     python3.11 unless named
#
# Versions are those of requirements.txt, torch above all. For other Pythons than 3.11 an index may
# give a CUDA build of it, of gigabytes. Needs g++ and a package index; takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
python=${1:-python3.11}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH VIRTUAL_ENV
export PIP_DISABLE_PIP_VERSION_CHECK=1 SPARSEGAN_CACHE=$work/cache

sources=$(ls "$root"/dist/sparsegan-*.tar.gz)
version=$(basename "$sources" .tar.gz)
version=${version#sparsegan-}

# try NAME KERNELS PACKAGE [VARIABLE=VALUE ...]: KERNELS, native or masked, are those to be had
try() {
    local name=$1 kernels=$2 package=$3 engine=native
    [ "$kernels" = native ] || engine=auto
    shift 3
    echo "== $name: $(basename "$package"), $(du -h "$package" | cut -f1)"
    "$python" -m venv "$work/$name"
    local bin=$work/$name/bin
    env "$@" "$bin/pip" install --quiet -c requirements.txt torch "$package"
    "$bin/pip" check
    mkdir "$work/$name/here"
    (
        cd "$work/$name/here"
        "$bin/python" "$root/scripts/check_installed.py" "$root" "$version" "$kernels"
        sparsegan() { "$bin/sparsegan" "$@" >"$work/log" 2>&1 || { cat "$work/log"; return 1; }; }
        [ "$("$bin/sparsegan" --version)" = "sparsegan $version" ]
        for command in "" train resume sample evaluate export report recipes cost; do
            # shellcheck disable=SC2086
            sparsegan $command --help
        done
        sparsegan recipes
        sparsegan train --recipe fashion-mnist --run.directory run --steps 20 \
            --evaluate.images 64 --engine "$engine"
        [ -s run/report.html ]
        grep -q "\"kernels\": \"$kernels\"" run/metrics.jsonl
        sparsegan sample run --grid grid.png
        sparsegan export run --to packed --output generator.safetensors
        sparsegan sample generator.safetensors --folder images --count 3
        [ "$(find images -name '*.png' | wc -l)" = 3 ]
        sparsegan cost run
        sparsegan report run
        "$bin/python" - "$work" <<'END'
import sys, numpy, sparsegan, torch
generator = sparsegan.load("generator.safetensors")
z = torch.randn(4, generator.latent_dim)
numpy.savez(f"{sys.argv[1]}/drawn.npz", z=z, images=generator(z).detach())
END
        cp generator.safetensors "$work"
    )
    rm -rf "${work:?}/$name"
}

# try_runtime WHEEL: it draws the images that sparsegan has drawn of the same file
try_runtime() {
    local bin=$work/runtime/bin
    echo "== runtime: $(basename "$1"), $(du -h "$1" | cut -f1)"
    "$python" -m venv "$work/runtime"
    "$bin/pip" install --quiet --only-binary=:all: -c requirements.txt "$1"
    "$bin/pip" check
    (
        cd "$work"
        "$bin/python" - <<'END'
import sys, numpy, sparsegan_runtime
drawn = numpy.load("drawn.npz")
images = sparsegan_runtime.load("generator.safetensors")(drawn["z"])
assert "torch" not in sys.modules
assert abs(images - drawn["images"]).max() < 1e-4
print("images are the same")
END
    )
}

number=$("$python" -c "import sys; print('cp%d%d' % sys.version_info[:2])")
wheel=("$root"/dist/*-"$number"-*.whl)
[ -f "${wheel[0]}" ] || wheel=("$root"/dist/*-cp312-abi3-*.whl)
try wheel native "${wheel[0]}"
try_runtime "$root"/dist/sparsegan_runtime-*.whl
try sources native "$sources"
try no-compiler masked "$sources" CC=no-compiler CXX=no-compiler
echo "the release works"
