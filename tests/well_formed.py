"""A check that a page's elements are balanced and that it refers to nothing outside itself."""

import re
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input"}
ADDRESSES = {"src", "href", "xlink:href", "srcset", "action", "data", "poster"}


class WellFormed(HTMLParser):
    """Collects visible text; fails on unbalanced elements and on addresses that are not data."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.elements = [], [], []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        for name, value in attrs:
            assert not name.startswith("on"), f"<{tag}> has the handler {name}"
            assert name not in ADDRESSES or re.match("data:image/(png|webp);base64,", value)
            assert name != "style" or "url(" not in value
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)


def check(page):
    """Parses a page or a part of one; returns the parser with its `.elements` and `.text`."""
    parser = WellFormed()
    parser.feed(page)
    parser.close()
    assert not parser.open, f"left open: {parser.open}"
    parser.text = " ".join(" ".join(parser.texts).split())
    return parser
