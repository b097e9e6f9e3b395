import io

import numpy as np
import pytest
from PIL import Image

from sparsegan.data import decode as module
from sparsegan.data.decode import FORMATS, Decoding
from sparsegan.errors import SparseganError

WHITE = (255, 255, 255)


def decode(path, *how):
    with path.open("rb") as file:
        return module.decode(file, path.name, *how)


def gradient(width, height, mode="RGB"):
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=2)
    return Image.fromarray(rgb.astype(np.uint8)).convert(mode)


@pytest.mark.parametrize("extension", FORMATS)
def test_every_format(tmp_path, extension):
    path = tmp_path / f"image{extension}"
    gradient(40, 40).save(path)
    pixels, _ = decode(path, 40, 3, WHITE)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    assert pixels.shape == (3, 40, 40)
    assert pixels.dtype == np.uint8
    assert (pixels == expected).all()


@pytest.mark.parametrize("extension", FORMATS)
def test_truncated_file_is_named(tmp_path, extension):
    whole = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(whole, FORMATS[extension])
    for share in (0.0, 0.02, 0.5, 0.9):
        path = tmp_path / f"cut{extension}"
        path.write_bytes(whole.getvalue()[: int(share * len(whole.getvalue()))])
        with pytest.raises(SparseganError, match="cut"):
            decode(path, 32, 3, WHITE)


@pytest.mark.parametrize(("width", "height"), [(100, 40), (40, 100), (41, 40), (3, 2), (1, 50)])
def test_shorter_side_fits_and_the_middle_is_kept(tmp_path, width, height):
    path = tmp_path / "image.png"
    gradient(width, height).save(path)
    pixels, _ = decode(path, 20, 3, WHITE)
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    with Image.open(path) as image:
        box = (left, top, left + side, top + side)
        expected = image.resize((20, 20), Image.Resampling.LANCZOS, box=box)
    assert np.abs(pixels.astype(int) - np.asarray(expected).transpose(2, 0, 1)).max() <= 1


def test_shrinking_averages(tmp_path):
    stripes = np.zeros((256, 256), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "image.png")
    pixels, _ = decode(tmp_path / "image.png", 16, 1, WHITE)
    assert np.abs(pixels[0, 2:-2, 2:-2].astype(int) - 127).max() <= 3


def test_large_jpeg_is_close_to_the_whole_decoded(tmp_path):
    path = tmp_path / "image.jpg"
    gradient(1024, 768).save(path, quality=95)
    pixels, _ = decode(path, 32, 3, WHITE)
    with Image.open(path) as image:
        box = (128, 0, 896, 768)
        expected = image.convert("RGB").resize((32, 32), Image.Resampling.LANCZOS, box=box)
    assert np.abs(pixels.astype(int) - np.asarray(expected).transpose(2, 0, 1)).mean() < 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16"])
def test_grey_modes(tmp_path, mode):
    path = tmp_path / "image.png"
    levels = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    if mode == "I;16":
        Image.fromarray(levels).save(path)
    else:
        Image.fromarray((levels // 257).astype(np.uint8)).convert(mode).save(path)
    pixels, facts = decode(path, 8, 1, WHITE)
    assert facts.grey
    expected = (levels / 257).round() if mode != "1" else (pixels[0] > 127) * 255
    assert np.abs(pixels[0] - expected).max() <= 1
    colour, _ = decode(path, 8, 3, WHITE)
    assert (colour == pixels.repeat(3, axis=0)).all()


@pytest.mark.parametrize(("mode", "extension"), [("RGB", "png"), ("P", "png"), ("CMYK", "jpg")])
def test_colour_modes(tmp_path, mode, extension):
    path = tmp_path / f"image.{extension}"
    Image.new("RGB", (8, 8), (250, 10, 10)).convert(mode).save(path)
    pixels, facts = decode(path, 8, 3, WHITE)
    assert not facts.grey
    assert np.abs(pixels[:, 4, 4].astype(int) - (250, 10, 10)).max() <= 12
    luma, _ = decode(path, 8, 1, WHITE)
    assert abs(int(luma[0, 4, 4]) - (0.299 * 250 + 0.587 * 10 + 0.114 * 10)) <= 12


@pytest.mark.parametrize("background", [WHITE, (0, 0, 0), (10, 200, 30)])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "L"])
def test_transparency_shows_the_background(tmp_path, mode, background):
    path = tmp_path / "image.png"
    image = Image.new("RGBA", (8, 8), (90, 90, 90, 255))
    image.paste((0, 0, 0, 0), (0, 0, 8, 4))
    if mode in ("RGBA", "LA"):
        image.convert(mode).save(path)
    elif mode == "P":
        palette = Image.new("P", (8, 8), 1)
        palette.putpalette([0, 0, 0, 90, 90, 90])
        palette.paste(0, (0, 0, 8, 4))
        palette.save(path, transparency=0)
    else:
        key = (0, 0, 0) if mode == "RGB" else 0
        image.convert("RGB").convert(mode).save(path, transparency=key)
    pixels, facts = decode(path, 8, 3, background)
    assert pixels[:, 1, 3].tolist() == list(background)
    assert pixels[:, 6, 3].tolist() == [90, 90, 90]
    assert facts.grey == (mode in ("LA", "L") and len(set(background)) == 1)


def test_half_transparent_is_mixed(tmp_path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 128)).save(tmp_path / "image.png")
    pixels, _ = decode(tmp_path / "image.png", 4, 3, WHITE)
    assert np.abs(pixels.astype(int) - 127).max() <= 1


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.T),
        (6, lambda a: a.T[:, ::-1]),
        (7, lambda a: a[::-1, ::-1].T),
        (8, lambda a: a.T[::-1]),
    ],
)
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_exif_orientation(tmp_path, orientation, turned, ending):
    path = tmp_path / f"image.{ending}"
    stored = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(path, exif=exif)
    pixels, _ = decode(path, 8, 1, WHITE)
    assert (pixels[0] == turned(stored)).all()


def test_first_frame_of_an_animation(tmp_path):
    path = tmp_path / "image.gif"
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    pixels, _ = decode(path, 8, 3, WHITE)
    assert pixels[:, 0, 0].tolist() == [255, 0, 0]


def test_image_of_absurd_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    gradient(40, 40).save(tmp_path / "huge.png")
    with pytest.raises(SparseganError, match=r"huge\.png"):
        decode(tmp_path / "huge.png", 8, 3, WHITE)


def test_other_formats_never_reach_their_parsers(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "image.ico")
    (tmp_path / "image.ico").rename(tmp_path / "image.png")
    with pytest.raises(SparseganError) as refused:
        decode(tmp_path / "image.png", 8, 3, WHITE)
    kinds = "PNG, JPEG, WEBP, BMP, GIF, TIFF"
    assert str(refused.value) == (
        f"the image image.png is no image of a kind that is read ({kinds}): "
        "replace it or take it away"
    )


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_tiff_is_read_however_it_is_packed(tmp_path, compression):
    image = gradient(12, 12)
    image.save(tmp_path / "image.tif", compression=compression)
    pixels, facts = decode(tmp_path / "image.tif", 12, 3, WHITE)
    assert not facts.grey
    assert (pixels == np.asarray(image).transpose(2, 0, 1)).all()


def test_tiff_of_16_bits_is_scaled_and_of_unknown_white_is_refused(tmp_path):
    levels = np.linspace(0, 65535, 64).reshape(8, 8)
    Image.fromarray(levels.astype(np.uint16)).save(tmp_path / "16.tif")
    pixels, facts = decode(tmp_path / "16.tif", 8, 1, WHITE)
    assert facts.grey
    assert np.abs(pixels[0] - levels / 257).max() <= 1
    for number in (np.float32, np.int32):
        Image.fromarray((levels / 65535).astype(number)).save(tmp_path / "x.tif")
        with pytest.raises(SparseganError, match=r"x\.tif cannot be read \(its levels"):
            decode(tmp_path / "x.tif", 8, 1, WHITE)


def test_key_is_of_content_and_decoding():
    how = Decoding(32, None)
    others = [Decoding(16, None), Decoding(32, 3), Decoding(32, None, (0, 0, 0))]
    keys = [how.key("a"), how.key("b"), how.key("a", "train"), *(o.key("a") for o in others)]
    assert len({*keys, Decoding(32, None).key("a")}) == 6
