import base64
import gzip
import hashlib
import json
import re

import pytest

from sparsegan.export.page.bundle import Caption, document
from sparsegan.words import megabytes

PACKED = bytes(range(256)) * 40
HOSTILE = "</script><script>alert(1)</script> & <b>'\" ${x}"


def caption(**fields):
    return Caption(**{"title": "Cats", "active": 10, "maskable": 100, "dense_bytes": 4e6, **fields})


def part(text, name):
    """What an element of the page carries."""
    return re.search(rf'<script [^>]*id="{name}">(.*?)</script>', text, re.DOTALL)[1]


def test_the_page_carries_the_file_and_the_module():
    text = document(caption(), PACKED)
    assert gzip.decompress(base64.b64decode(part(text, "generator"))) == PACKED
    assert gzip.decompress(base64.b64decode(part(text, "runtime"))).startswith(b"\0asm")
    assert document(caption(), PACKED) == text


@pytest.mark.parametrize("length", [10, 300_000, 9_000_000])
def test_the_size_that_it_tells_is_its_own(length):
    text = document(caption(), hashlib.shake_128(b"").digest(length))
    assert f"<dd>{megabytes(len(text.encode()))}</dd>" in text


def test_only_its_own_script_and_style_may_run():
    text = document(caption(), PACKED)
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]+)"', text)[1]
    script = re.search('<script type="module">(.*?)</script>', text, re.DOTALL)[1]
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)[1]
    for content in (script, style):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "import " not in script
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_names_are_text_and_no_markup():
    text = document(caption(title=HOSTILE, class_names=[HOSTILE], origin=HOSTILE), PACKED)
    assert "<script>alert" not in text
    assert json.loads(part(text, "about"))["class_names"] == [HOSTILE]
    assert "alert(1)&lt;/script&gt; &amp; &lt;b&gt;&#x27;&quot; ${x}</h1>" in text


def test_it_says_under_what_licence_its_program_is():
    head, body = document(caption(), PACKED).split("<body>")
    assert re.search(r"<!-- .* sparsegan.* SPDX-License-Identifier: Apache-2\.0 -->", head)
    story = re.search("<details>.*</details>", body, re.DOTALL)[0]
    assert "of the Python package sparsegan, under the Apache License 2.0" in story


def test_a_dense_generator_is_not_called_sparse():
    text = document(caption(active=100), PACKED)
    assert "has kept" not in text
    assert "It is sparse" not in text
    assert "a network of 100 weights" in text


def test_page_and_runtime_take_little_room():
    """The bar of the page as written, base64 included: 80 kB for all but the generator."""
    text = document(caption(), PACKED)
    assert len(text.encode()) - len(part(text, "generator")) <= 80_000
