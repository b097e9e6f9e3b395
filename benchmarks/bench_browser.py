"""One image at a time in a browser: the runtime beside onnxruntime-web, in turns in one page.

Debian's Chromium without a window, one thread; both run the same masked SNGAN generator, the
runtime sparse and ONNX Runtime dense, since it knows no sparse convolutions. The images a second
of the demo's generator are those of a whole page that `--to html` has written, drawing included,
without waiting for the screen. Needs chromium, node and npm; onnxruntime-web is installed into
build/bench.
"""

import argparse
import contextlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch

from harness import headline, parser, save
from sparsegan import nets
from sparsegan.export import Blueprint, Frozen, write_onnx, write_packed
from sparsegan.export.blueprint import fold
from sparsegan.export.page.write import write_html
from sparsegan.sparsity import Masks

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

from driven import Browser  # noqa: E402

PAGE = ROOT / "src" / "sparsegan" / "export" / "page"
MODULES = ROOT / "build" / "bench" / "node"
WARM, MEASURED, EACH = 60, 20, 20
"""Images before the measurement of a page, measured parts, and images in each of them."""


def generator(blueprint: Blueprint, density: float, allocation: str) -> Frozen:
    """A masked generator whose statistics fit its weights; it has learnt nothing."""
    settings = blueprint.as_json()
    network, _ = nets.build(
        settings.pop("network"), generator_width=settings.pop("width"), **settings
    )
    nets.initialise(network, "default", torch.Generator().manual_seed(0))
    draw = torch.Generator().manual_seed(1)
    masks = Masks(network, density, allocation=allocation, generator=draw)
    with torch.no_grad():
        for _ in range(4):
            network(torch.randn(64, blueprint.latent_dim, generator=draw))
    network.requires_grad_(False)
    fold(network)
    return Frozen(network, {name: masks[name] for name in masks.names}, blueprint, {"step": 0})


class Handler(SimpleHTTPRequestHandler):
    """Files of several folders, in isolation, which the browser's fine clock asks for."""

    def __init__(self, *arguments: Any, model: Path, **options: Any) -> None:
        self._folders = {
            "": ROOT / "benchmarks" / "browser",
            "ort": MODULES / "node_modules" / "onnxruntime-web" / "dist",
            "page": PAGE,
            "model": model,
        }
        super().__init__(*arguments, **options)

    def translate_path(self, path: str) -> str:
        """The file that an address stands for."""
        folder, _, name = path.partition("?")[0].strip("/").rpartition("/")
        return str(self._folders[folder] / name)

    def end_headers(self) -> None:
        """The headers of isolation besides."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextlib.contextmanager
def served(model: Path) -> Iterator[str]:
    """The address of a server of the page, the modules and a model."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, model=model))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def compared(
    browser: Browser, width: int, density: float, arguments: argparse.Namespace
) -> dict[str, Any]:
    """The times of both on one model, and the size of its page."""
    frozen = generator(Blueprint("sngan", 32, 3, width, latent_dim=128), density, "uniform")
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as address:
        model = Path(folder)
        write_packed(frozen, model / "packed")
        write_onnx(frozen, model / "dense.onnx")
        write_html(frozen, model / "page.html")
        latent = torch.randn(1, 128, generator=torch.Generator().manual_seed(2))
        latent.numpy().tofile(model / "latent.f32")
        with torch.no_grad():
            frozen.generator(latent).numpy().tofile(model / "image.f32")
        modules = {"sparsegan": "/page/relaxed.wasm", "without relaxed": "/page/sparsegan.wasm"}
        for name in arguments.module:
            shutil.copy(name, model / Path(name).name)
            modules[Path(name).name] = f"/model/{Path(name).name}"
        browser.open(f"{address}/bench.html")
        browser.wait("globalThis.ready")
        images = max(2, round(arguments.images * 64 / width))
        times = browser.evaluate(
            f"compare({modules}, {{ rounds: {arguments.rounds}, images: {images} }})"
        )
        return {
            "width": width,
            "density": density,
            "page_bytes": (model / "page.html").stat().st_size,
            **{
                name: {
                    "median_ms": statistics.median(row["milliseconds"]),
                    "minimum_ms": min(row["milliseconds"]),
                    "images": len(row["milliseconds"]),
                    "difference": row["difference"],
                }
                for name, row in times.items()
            },
        }


def of_page(browser: Browser) -> dict[str, Any]:
    """Images a second of the demo's generator in its page, drawn onto it."""
    frozen = generator(Blueprint("dcgan", 28, 1, 24, latent_dim=128), 0.1, "erk")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        write_html(frozen, page)
        browser.open(page.as_uri(), viewport={"width": 1280, "height": 860})
        browser.wait("globalThis.sparsegan?.tiles.every((tile) => tile.drawn) ?? false")
        seconds = browser.evaluate(f"""(() => {{
            const large = document.getElementById("large").getContext("2d");
            sparsegan.state.playing = false;
            const draw = (from, count) => {{
              for (let i = 0; i < count; i++) sparsegan.drawAt(((from + i) * 0.01) % 36);
              large.getImageData(0, 0, 1, 1); // what is drawn is there
            }};
            draw(0, {WARM});
            return Array.from({{ length: {MEASURED} }}, (_, part) => {{
              const begin = performance.now();
              draw(part * {EACH}, {EACH});
              return (performance.now() - begin) / 1000 / {EACH};
            }});
        }})()""")
        return {
            "network": "dcgan 24, 28 px, density 0.1",
            "page_bytes": page.stat().st_size,
            "median_images_per_second": 1 / statistics.median(seconds),
            "best_images_per_second": 1 / min(seconds),
        }


def install() -> None:
    """onnxruntime-web, of the version that package.json names."""
    MODULES.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "benchmarks" / "browser" / "package.json", MODULES)
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
    subprocess.run(command, cwd=MODULES, check=True)


def main() -> None:
    """Measures and prints."""
    options = parser(__doc__, rounds=5)
    options.add_argument("--widths", type=int, nargs="+", default=[64, 256])
    options.add_argument("--densities", type=float, nargs="+", default=[0.1, 0.05])
    options.add_argument(
        "--images", type=int, default=40, help="images in a turn at width 64, fewer where wider"
    )
    options.add_argument(
        "--module", nargs="*", default=[], help="other builds of the runtime, to compare with"
    )
    arguments = options.parse_args()
    install()
    torch.set_num_threads(arguments.threads)
    print(headline())
    browser = Browser()
    results: dict[str, Any] = {"rows": []}
    print("\n| width | density | onnxruntime-web, ms | sparsegan, ms | times faster | page, MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for width in arguments.widths:
        for density in arguments.densities:
            row = compared(browser, width, density, arguments)
            results["rows"].append(row)
            dense = row["onnxruntime-web"]
            for name in list(row)[4:]:
                own = row[name]
                ratios = [dense[key] / own[key] for key in ("median_ms", "minimum_ms")]
                print(
                    f"| {width} | {density} | "
                    f"{dense['median_ms']:.2f} ({dense['minimum_ms']:.2f}) | "
                    f"{own['median_ms']:.3f} ({own['minimum_ms']:.3f}) {name} | "
                    f"{ratios[0]:.1f} ({ratios[1]:.1f}) | {row['page_bytes'] / 1e6:.2f} |"
                )
    results["page"] = page = of_page(browser)
    browser.close()
    print("\nmedians, in brackets minima")
    print(
        f"{page['network']}: {page['median_images_per_second']:.0f} images/s on the page "
        f"(best {page['best_images_per_second']:.0f}), {page['page_bytes'] / 1e6:.2f} MB"
    )
    save(__file__, arguments, results)


if __name__ == "__main__":
    main()
