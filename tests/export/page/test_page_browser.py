"""The page in Debian's Chromium: what a person who has it does with it."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from toy_export import frozen

from driven import DESKTOP, PHONE
from sparsegan.draw.sampling import to_uint8
from sparsegan.export import Blueprint
from sparsegan.export.page.write import write_html

pytestmark = pytest.mark.full("playwright")

GREY = Blueprint("dcgan", 28, 1, width=8, latent_dim=16)
CLASSES = Blueprint("biggan", 64, 3, width=2, latent_dim=20, classes=4)
CLASS_NAMES = ("cat", "<b>dog</b>", "</script>", "ünïcödé")


@pytest.fixture(scope="module")
def grey(tmp_path_factory):
    """A generator of grey images and its page."""
    toy, path = frozen(GREY), tmp_path_factory.mktemp("page") / "grey.html"
    write_html(toy, path)
    return toy, path


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """A generator of colour images of four classes and its page."""
    toy, path = frozen(CLASSES), tmp_path_factory.mktemp("page") / "classes.html"
    toy.generator.class_names = CLASS_NAMES
    write_html(toy, path)
    return toy, path


TILES = """sparsegan.tiles.map((tile) => {
  const { width, height } = tile.context.canvas;
  const pixels = tile.context.getImageData(0, 0, width, height).data;
  return { latent: [...tile.latent], label: tile.label, pixels: [...pixels] };
})"""

PICTURE = """(() => {
  const canvas = sparsegan.picture;
  return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
})()"""


def drawn_by_torch(toy, latents, labels):
    """What PyTorch draws of these latents, as a canvas has it: uint8 (N, H, W, 4)."""
    inputs = [torch.tensor(latents)]
    if toy.blueprint.classes is not None:
        inputs.append(torch.tensor(labels))
    with torch.no_grad():
        images = to_uint8(toy.generator(*inputs)).permute(0, 2, 3, 1)
    opaque = torch.full((*images.shape[:3], 1), 255, dtype=torch.uint8)
    return torch.cat([images.expand(-1, -1, -1, 3), opaque], 3).numpy().astype(int)


@pytest.mark.parametrize("which", ["grey", "classes"])
def test_what_is_seen_are_pytorchs_images(request, opened, which):
    toy, path = request.getfixturevalue(which)
    page = opened(path)
    tiles = page.evaluate(TILES)
    expected = drawn_by_torch(toy, [t["latent"] for t in tiles], [t["label"] for t in tiles])
    pixels = np.array([t["pixels"] for t in tiles]).reshape(expected.shape)
    assert abs(pixels - expected).max() <= 1
    assert expected.std() > 10  # there is something to see
    assert {t["label"] for t in tiles} == ({0, 1, 2, 3} if which == "classes" else {0})
    assert not page.console
    assert page.requests == [path.as_uri()]


def test_any_latent_gives_pytorchs_image(opened, classes):
    toy, path = classes
    page = opened(path)
    z = torch.randn(6, toy.blueprint.latent_dim, generator=torch.Generator().manual_seed(5))
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    calls = [
        f"[...sparsegan.generator.draw({a}, {b})]"
        for a, b in zip(z.tolist(), labels.tolist(), strict=True)
    ]
    images = torch.tensor([page.evaluate(call) for call in calls])
    with torch.no_grad():
        expected = toy.generator(z, labels)
    difference = (images.reshape(expected.shape) - expected).abs().max()
    assert difference < 1 / 127.5


@pytest.mark.parametrize("relaxed", ["true", "false"])
def test_both_modules_draw_the_same(browser, grey, relaxed):
    toy, path = grey
    z = torch.randn(toy.blueprint.latent_dim, generator=torch.Generator().manual_seed(5))
    browser.open("about:blank", **DESKTOP)
    validate = f"WebAssembly.validate = () => {relaxed};"
    browser("addInitScript", {"content": validate})
    browser("goto", path.as_uri())
    browser.wait("globalThis.sparsegan !== undefined")
    image = browser.evaluate(f"[...sparsegan.generator.draw({z.tolist()})]")
    with torch.no_grad():
        expected = toy.generator(z[None])
    assert (torch.tensor(image) - expected.flatten()).abs().max() < 1 / 127.5


def test_the_walk_passes_through_the_samples_and_stops(opened, grey):
    page = opened(grey[1])
    page("click", "#play")
    still = page.evaluate("sparsegan.state.position")
    page("waitForTimeout", 200)
    assert page.evaluate("sparsegan.state.position") == still
    page("click", "#play")
    page.wait(f"sparsegan.state.position > {still} + 0.1")
    page.wait("document.getElementById('frames').textContent > 0")
    page.wait("document.getElementById('milliseconds').textContent > 0")
    page.evaluate(
        "void Object.assign(sparsegan.state, { playing: false, position: 3, changed: true })"
    )
    page("focus", "#speed")
    page("keyboard.press", "ArrowRight")  # anything that has a frame drawn
    page.wait("!sparsegan.state.changed")
    assert page.evaluate(PICTURE) == page.evaluate(TILES)[3]["pixels"]


def test_speed_and_seed(opened, grey):
    page = opened(grey[1])
    page.evaluate("void (globalThis.before = sparsegan.tiles[0].latent)")
    page("fill", "#seed", "77")
    page.wait("sparsegan.tiles.every((tile) => tile.drawn)")
    assert page.evaluate("document.getElementById('seed-value').textContent") == "77"
    assert page.evaluate("sparsegan.tiles[0].latent.some((value, i) => value !== before[i])")
    page("fill", "#seed", "1")
    page.wait("sparsegan.tiles.every((tile) => tile.drawn)")
    assert page.evaluate("sparsegan.tiles[0].latent.every((value, i) => value === before[i])")
    page("fill", "#speed", "0")
    still = page.evaluate("sparsegan.state.position")
    page("waitForTimeout", 200)
    assert page.evaluate("sparsegan.state.position") == still
    page("fill", "#speed", "4")
    page.wait(f"Math.abs(sparsegan.state.position - {still}) > 1")


def test_new_samples(opened, grey):
    page = opened(grey[1])
    page("click", "#dice")
    seed = page.evaluate("sparsegan.state.seed")
    assert seed != 1
    assert page.evaluate("document.getElementById('seed').value") == str(seed)


def test_a_sample_that_is_chosen_becomes_the_large_picture(opened, grey):
    page = opened(grey[1])
    page("click", "#grid button:nth-child(9)")
    page.wait("sparsegan.state.flight === null && sparsegan.state.position === 8")
    page.wait("!sparsegan.state.changed")
    page("waitForTimeout", 100)
    assert page.evaluate(PICTURE) == page.evaluate(TILES)[8]["pixels"]
    assert not page.evaluate("sparsegan.state.playing")


def test_the_picture_is_saved_as_it_is(opened, grey):
    page = opened(grey[1])
    page("click", "#grid button:nth-child(2)")
    page.wait("sparsegan.state.flight === null")
    page.evaluate(
        "void (HTMLAnchorElement.prototype.click = function () { globalThis.link = this; })"
    )
    page("click", "#save")
    page.wait("globalThis.link !== undefined")
    assert page.evaluate("link.download") == "a-sparse-generator-1-1.00.png"
    text = page.evaluate(
        "new Promise((done) => { const image = new Image(); image.onload = () => {"
        " const canvas = document.createElement('canvas');"
        " canvas.width = image.width; canvas.height = image.height;"
        " canvas.getContext('2d').drawImage(image, 0, 0); done(canvas.toDataURL()); };"
        " image.src = link.href; })"
    )
    saved = Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2]))).convert("L")
    small = np.array(page.evaluate(TILES)[1]["pixels"]).reshape(28, 28, 4)[..., 0]
    assert min(saved.size) >= 1024
    again = np.asarray(saved.resize((28, 28), Image.Resampling.BOX), int)
    assert abs(again - small).mean() < 12


def test_classes_are_there_by_name(opened, classes):
    page = opened(classes[1])
    names = page.evaluate(
        "[...document.querySelectorAll('#classes span')].map((s) => s.textContent)"
    )
    assert names == ["All", *CLASS_NAMES]
    page("check", "#classes input[value='2']")
    page.wait("sparsegan.tiles.every((tile) => tile.drawn && tile.label === 2)")
    page.wait("document.getElementById('caption').textContent === '</script>'")
    label = page.evaluate("sparsegan.tiles[4].button.getAttribute('aria-label')")
    assert label == "Sample 5: </script>"
    page("check", "#classes input[value='-1']")
    page.wait("sparsegan.tiles.every((tile) => tile.drawn) && sparsegan.tiles[35].label === 3")


def test_many_classes_are_a_list(opened, tmp_path):
    blueprint = Blueprint("biggan", 64, 3, width=1, latent_dim=20, classes=30)
    write_html(frozen(blueprint), tmp_path / "many.html")
    page = opened(tmp_path / "many.html")
    page("selectOption", "#classes select", "29")
    page.wait("sparsegan.tiles.every((tile) => tile.drawn && tile.label === 29)")
    assert page.evaluate("document.getElementById('caption').textContent") == "Class 29"


def test_letters_typed_in_the_list_look_for_a_class_and_do_nothing_else(opened, tmp_path):
    toy = frozen(Blueprint("biggan", 64, 3, width=1, latent_dim=20, classes=30))
    toy.generator.class_names = ("snail", *(f"cat {i}" for i in range(28)), "newt")
    write_html(toy, tmp_path / "many.html")
    page = opened(tmp_path / "many.html")
    page.evaluate("void (HTMLAnchorElement.prototype.click = () => { globalThis.saved = true; })")
    page("focus", "#classes select")
    for key, label in (("n", 29), ("s", 0)):
        page("keyboard.press", key)
        page.wait(f"sparsegan.tiles.every((tile) => tile.drawn && tile.label === {label})")
        page("waitForTimeout", 1100)  # until the next letter starts another word
    assert page.evaluate("sparsegan.state.seed") == 1
    assert not page.evaluate("globalThis.saved ?? false")


def test_the_keyboard_does_it_all(opened, grey):
    page = opened(grey[1])
    page("keyboard.press", " ")
    assert not page.evaluate("sparsegan.state.playing")
    page("keyboard.press", "n")
    assert page.evaluate("sparsegan.state.seed") != 1
    page("focus", "#grid button")
    for key in ("ArrowRight", "ArrowDown"):
        page("keyboard.press", key)
    page("keyboard.press", "Enter")
    page.wait("sparsegan.state.flight === null && sparsegan.state.position === 7")
    page("focus", "#play")
    page("keyboard.press", " ")  # the button's own: once, not twice
    assert page.evaluate("sparsegan.state.playing")


def test_the_tab_key_stops_once_at_the_samples(opened, grey):
    page = opened(grey[1])
    stops = []
    for _ in range(7):
        page("keyboard.press", "Tab")
        stops.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert stops == ["play", "dice", "save", "speed", "seed", "BUTTON", "SUMMARY"]


def test_the_large_picture_is_steered_and_touched(opened, grey):
    page = opened(grey[1])
    x, y, side = page.evaluate(
        "(() => { const r = document.getElementById('frame').getBoundingClientRect();"
        " return [r.x, r.y, r.width]; })()"
    )
    page("click", "#play")
    before = page.evaluate("sparsegan.state.position")
    page("mouse.move", x + 50, y + 50)
    page("mouse.down")
    page("mouse.move", x + 50 + side / 2, y + 60, {"steps": 5})
    page("mouse.up")
    assert page.evaluate("sparsegan.state.position") == pytest.approx(before + 1, abs=0.3)
    page = opened(grey[1], **PHONE)
    page("tap", "#frame")
    assert not page.evaluate("sparsegan.state.playing")
    page("tap", "#frame")
    assert page.evaluate("sparsegan.state.playing")
    page("tap", "#grid button:nth-child(36)")
    page.wait("sparsegan.state.position === 35")


def test_it_is_still_where_motion_is_not_wanted(opened, grey):
    page = opened(grey[1], reducedMotion="reduce")
    page("waitForTimeout", 300)
    assert page.evaluate("sparsegan.state.position") == 0
    page("click", "#grid button:nth-child(4)")
    page.wait("sparsegan.state.position === 3")
    page("click", "#play")
    page.wait("sparsegan.state.position > 3")


def luminance(colour):
    channels = [c / 255 for c in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


CONTRASTS = """(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.5) return colour.slice(0, 3);
    }
  };
  const all = "h1, p, button, label span, dt, dd, output, summary, label[for]";
  return [...document.querySelectorAll(all)]
    .filter((element) => element.textContent.trim() && element.getClientRects().length)
    .map((element) => [element.textContent.slice(0, 30),
      parse(getComputedStyle(element).color).slice(0, 3), behind(element)]);
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fits_and_can_be_read(opened, classes, screen, scheme):
    page = opened(classes[1], **screen, colorScheme=scheme)
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= screen["viewport"]["width"] == wide[1]
    rows = page.evaluate(CONTRASTS)
    assert len(rows) > 15
    for text, ink, paper in rows:
        light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, text
    small = page.evaluate(
        "[...document.querySelectorAll('button, input[type=range], .chips label, select')]"
        ".map((e) => e.getBoundingClientRect()).filter((r) => r.width < 24 || r.height < 24).length"
    )
    assert small == 0
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, input, select')].filter((e) =>"
        " !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length)).length"
    )
    assert unnamed == 0


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_page_says_so(browser, grey, tmp_path, damage):
    text = grey[1].read_text()
    start = text.index('id="generator">') + len('id="generator">')
    end = text.index("</script>", start)
    middle = (start + end) // 2
    other = "A" if text[middle] != "A" else "B"
    changed = text[:middle] + (text[end:] if damage == "cut" else other + text[middle + 1 :])
    (tmp_path / "damaged.html").write_text(changed)
    browser.open((tmp_path / "damaged.html").as_uri(), **DESKTOP)
    browser.wait("!document.getElementById('trouble').hidden")
    said = browser.evaluate("document.getElementById('trouble').textContent")
    assert said.startswith("This page is damaged (")
