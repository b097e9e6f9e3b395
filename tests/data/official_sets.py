"""Small archives in the official formats, and hostile ones, written byte by byte."""

import io
import tarfile
import zipfile

import numpy as np
from PIL import Image


def png(level, size=8, mode="RGB"):
    content = io.BytesIO()
    Image.new("RGB", (size, size), (level, level // 2, 9)).convert(mode).save(content, "PNG")
    return content.getvalue()


def write_tar(path, files, mode="w"):
    """A tar of {name: bytes or TarInfo}."""
    with tarfile.open(path, mode) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            if isinstance(content, bytes):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                archive.addfile(content)
    return path


def write_zip(path, files, kind=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, content)
    return path


def write_folder(path, files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def cifar_images(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)


def cifar10(each=3):
    """The files of CIFAR-10 with some images a file, all images and all labels of training."""
    files, labels = {}, np.arange(6 * each) % 10
    pixels = cifar_images(6 * each)
    for i in range(6):
        name = f"data_batch_{i + 1}.bin" if i < 5 else "test_batch.bin"
        rows = range(i * each, (i + 1) * each)
        records = b"".join(bytes([labels[row]]) + pixels[row].tobytes() for row in rows)
        files[f"cifar-10-batches-bin/{name}"] = records
    files["cifar-10-batches-bin/batches.meta.txt"] = b"airplane\n"
    return files, pixels, labels


def stl10(unlabelled=5, labelled=3):
    """The files of STL-10, and of each part the images, row by row, and the labels from 0."""
    files, parts = {}, {}
    generator = np.random.default_rng(1)
    for part, count in (("test", labelled), ("train", labelled), ("unlabeled", unlabelled)):
        pixels = generator.integers(0, 256, (count, 3, 96, 96), dtype=np.uint8)
        labels = np.arange(count)[::-1] % 10
        content = b"".join(plane.T.tobytes() for image in pixels for plane in image)
        files[f"stl10_binary/{part}_X.bin"] = content
        if part != "unlabeled":
            files[f"stl10_binary/{part}_y.bin"] = bytes((labels + 1).tolist())
        parts[part] = pixels, labels
    return files, parts


def tiny_imagenet():
    """The files of Tiny ImageNet with three classes, of which two have the same name."""
    root = "tiny-imagenet-200"
    ids = ["n03", "n01", "n02"]
    files = {
        f"{root}/wnids.txt": "\n".join(ids).encode(),
        f"{root}/words.txt": b"n01\tcrane\nn02\tgoldfish, Carassius auratus\nn03\tcrane, bird\n",
    }
    for number in ids:
        files[f"{root}/train/{number}/{number}_boxes.txt"] = b""
        for i in range(2):
            path = f"{root}/train/{number}/images/{number}_{i}.JPEG"
            files[path] = png(10 * int(number[1:]) + i, 64)
    lines = [f"val_{i}.JPEG\t{ids[i]}\t0\t0\t9\t9" for i in range(3)]
    files[f"{root}/val/val_annotations.txt"] = "\n".join(lines).encode()
    for i in range(3):
        files[f"{root}/val/images/val_{i}.JPEG"] = png(10 * int(ids[i][1:]) + 5, 64)
        files[f"{root}/test/images/test_{i}.JPEG"] = png(200, 64)
    return files
