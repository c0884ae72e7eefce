#!/usr/bin/python3 -B
"""Builds the site of the documents with mdBook, and follows every link in it.

    scripts/site.py --mdbook PROGRAM [--output DIR]

docs/SUMMARY.md says which pages there are and in which order. They keep the places that they have
in the repository, so links between them, and to files that are copied beside them, hold as they do
on GitHub; a link to a folder or to the table of contents, which are no pages, becomes its text. Prints
the first page's path.
"""

import argparse
import html.parser
import os
import re
import shutil
import subprocess
import sys
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CONTENTS = os.path.join("docs", "SUMMARY.md")
LINK = re.compile(r"\[([^][]*)\]\(([^()\s]+)\)")
FENCE = re.compile(r"^(```.*?^```[^\n]*$)", re.MULTILINE | re.DOTALL)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mdbook", required=True)
    parser.add_argument("--output", default=os.path.join(ROOT, "target", "site"))
    return parser.parse_args()


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)


class Stage:
    """The pages, laid out for mdBook."""

    def __init__(self, folder):
        self.source = os.path.join(folder, "src")
        shutil.rmtree(self.source, ignore_errors=True)
        os.makedirs(self.source)
        for name in ("book.toml", "site.css"):
            shutil.copy(os.path.join(ROOT, "docs", name), folder)
        # mdBook wants the table of contents at the root of all pages.
        contents = text(os.path.join(ROOT, CONTENTS))
        write(os.path.join(self.source, "SUMMARY.md"), LINK.sub(self.entry, contents))

    def entry(self, link):
        page = os.path.normpath(os.path.join("docs", link.group(2)))
        content = text(os.path.join(ROOT, page))
        # Every other part is a fenced block, where nothing is a link.
        parts = FENCE.split(content)
        parts[::2] = [LINK.sub(lambda link: self.carry(page, link), part) for part in parts[::2]]
        write(os.path.join(self.source, page), "".join(parts))
        return f"[{link.group(1)}]({page})"

    def carry(self, page, link):
        """What becomes of a page's link; the file that it leads to goes where the page goes."""
        target = urllib.parse.unquote(link.group(2).partition("#")[0])
        if not target or "://" in target:
            return link.group()
        path = os.path.normpath(os.path.join(os.path.dirname(page), target))
        if os.path.isdir(os.path.join(ROOT, path)) or path == CONTENTS:
            return link.group(1)
        if not path.endswith(".md"):
            copy = os.path.join(self.source, path)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy(os.path.join(ROOT, path), copy)
        return link.group()


class Page(html.parser.HTMLParser):
    """The links of a page, and the anchors that links can lead to."""

    def __init__(self, content):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(content)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors.update(filter(None, [attributes.get("id"), attributes.get("name")]))
        self.links += filter(None, [attributes.get("href"), attributes.get("src")])


def broken_links(folder):
    paths = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
    pages = {path: Page(text(path)) for path in paths if path.endswith(".html")}
    for path, page in sorted(pages.items()):
        for link in page.links:
            parts = urllib.parse.urlsplit(link)
            # What a server shows in a missing page's place has addresses of its own.
            if parts.scheme or parts.netloc or path.endswith("/404.html"):
                continue
            target = urllib.parse.unquote(parts.path)
            target = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
            anchor = urllib.parse.unquote(parts.fragment)
            missing = anchor and target in pages and anchor not in pages[target].anchors
            if missing or not os.path.isfile(target):
                yield f"{os.path.relpath(path, folder)}: {link}"


def main():
    options = arguments()
    Stage(options.output)
    # Beside the source, and only what mdBook has made.
    site = os.path.join(options.output, "html")
    subprocess.run(
        [options.mdbook, "build", "--dest-dir", site, options.output],
        check=True,
        env={**os.environ, "MDBOOK_LOG": "warn"},
    )
    broken = list(broken_links(site))
    if broken:
        sys.exit("site: broken links:\n  " + "\n  ".join(broken))
    print(os.path.join(site, "index.html"))


if __name__ == "__main__":
    main()
