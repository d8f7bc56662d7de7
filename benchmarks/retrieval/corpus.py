"""The documents of the retrieval benchmarks: the pages of four documentation packages of Debian, one file for each.

python -m benchmarks.retrieval.corpus --out /tmp/corpus     # gets the packages, cuts them, checks the sets of questions
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

PACKAGES = ("git-doc", "sqlite3-doc", "debian-handbook", "debian-faq")
SETS = Path(__file__).parent / "sets"
LANGUAGES = {"en": "en-US", "de": "de-DE", "es": "es-ES"}
SHORTEST = 100
"""Characters. A page with less says only where the text has gone."""
_GIT, _SQLITE = "usr/share/doc/git-doc", "usr/share/doc/sqlite3"
_HANDBOOK, _FAQ = "usr/share/doc/debian-handbook/html", "usr/share/doc/debian/FAQ"
# Tables of contents, change logs, and pages that hold other pages once more: they name everything and answer nothing.
_LISTS = {
    "git-doc": {"index.html", "howto-index.html", "technical/api-index.html"},
    "sqlite3-doc": {
        "index.html", "keyword_index.html", "doclist.html", "docs.html", "sitemap.html", "capi3ref.html",
        "syntaxdiagrams.html", "requirements.html", "changes.html", "news.html", "oldnews.html", "chronology.html",
        "doc_backlink_crossref.html", "doc_keyword_crossref.html", "doc_pagelink_crossref.html",
        "doc_target_crossref.html", "c3ref/constlist.html", "c3ref/funclist.html", "c3ref/objlist.html",
        "session/constlist.html", "session/funclist.html", "session/objlist.html",
    },
    "debian-handbook": {"index.html"},
    "debian-faq": {"index.en.html"},
}  # fmt: skip
_SECTION = re.compile(r'<div class="section"><div class="titlepage"><div><div><h2 class="title"><a id="([^"]+)">')
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.S | re.I)
_HEAD = '<!DOCTYPE html>\n<html><head><meta charset="utf-8"/><title>{title}</title></head><body>\n'


class NoPackages(Exception):
    """The packages cannot be had; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Page:
    """One document. `id` is `package/path`, of a section `package/path#section`; `file` is what one would upload."""

    id: str
    title: str
    text: str
    file: Path


def build(out: Path, cache: Path, language: str = "en") -> list[Page]:
    """Every page, ordered by id; the same packages give the same pages. Of other languages than English there is the
    handbook alone. Raises NoPackages."""
    packages = ("debian-handbook",) if language != "en" else PACKAGES
    roots = {package: _unpack(_download(package, cache), cache) for package in packages}
    shutil.rmtree(out, ignore_errors=True)
    pages, seen = [], set()
    for package, name, html in sorted(_read(roots, LANGUAGES[language]), key=lambda found: found[:2]):
        text = read_text(html)
        digest = hashlib.sha256(text.encode()).digest()
        if len(text) < SHORTEST or digest in seen:
            continue
        seen.add(digest)
        pages.append(_write(out, package, name, html, text))
    return pages


def check(pages: Iterable[Page], questions: Path) -> list[str]:
    """What is wrong with a set of questions, line by line: documents that there are not, questions asked twice."""
    known, asked, wrong = {page.id for page in pages}, set(), []
    for number, line in enumerate(questions.read_text("utf-8").splitlines(), 1):
        row = json.loads(line)
        missing = [name for name in row["expected"] if name not in known]
        wrong += [f"{questions.name}:{number}: there is no document {name}" for name in missing]
        if row["question"].casefold() in asked:
            wrong.append(f"{questions.name}:{number}: asked before: {row['question']}")
        asked.add(row["question"].casefold())
    return wrong


def default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "portico-benchmarks"


def _download(package: str, cache: Path) -> Path:
    """The .deb, from the cache or by apt-get."""
    cache.mkdir(parents=True, exist_ok=True)
    found = sorted(cache.glob(f"{package}_*.deb"))
    if not found:
        for tool in ("apt-get", "dpkg-deb"):
            if shutil.which(tool) is None:
                raise NoPackages(f"{tool} is not here; run this on Debian or Ubuntu, or put {package}_*.deb in {cache}")
        print(f"getting {package}", flush=True)
        done = subprocess.run(["apt-get", "download", package], cwd=cache, capture_output=True, text=True)
        found = sorted(cache.glob(f"{package}_*.deb"))
        if done.returncode or not found:
            reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
            raise NoPackages(f"apt-get download {package}: {reason[0]} (an `apt-get update` may help)")
    return found[-1]


def _unpack(package: Path, cache: Path) -> Path:
    if shutil.which("dpkg-deb") is None:
        raise NoPackages("dpkg-deb is not here; run this on Debian or Ubuntu")
    target = cache / "unpacked" / package.stem.replace("%3a", "-")
    if not target.is_dir():
        print(f"unpacking {package.name}", flush=True)
        part = target.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        done = subprocess.run(["dpkg-deb", "-x", str(package), str(part)], capture_output=True, text=True)
        if done.returncode:
            raise NoPackages(f"{package}: {done.stderr.strip()}")
        part.rename(target)
    return target


def _read(roots: dict[str, Path], language: str) -> Iterator[tuple[str, str, str]]:
    """Package, path within it and HTML of every page."""
    for package, root in roots.items():
        match package:
            case "git-doc":
                files = _list(package, root / _GIT, ("", "howto", "technical"))
            case "sqlite3-doc":
                files = _list(package, root / _SQLITE, ("", "c3ref", "session"))
            case "debian-handbook":
                files = _list(package, root / _HANDBOOK / language, ("",))
            case _:
                files = _list(package, root / _FAQ, ("",), "*.en.html")
        for name, file in files:
            html = file.read_bytes().decode("utf-8", "replace")
            if package == "debian-faq":
                yield from ((package, part, cut) for part, cut in _cut(name, html))
            else:
                yield package, name if language == "en-US" else f"{language}/{name}", html


def _list(package: str, base: Path, folders: Iterable[str], pattern: str = "*.html") -> list[tuple[str, Path]]:
    files = [file for folder in folders for file in (base / folder).glob(pattern) if file.is_file()]
    if not files:
        raise NoPackages(f"{package} has no pages in {base}; its layout is another than the one known here")
    named = ((file.relative_to(base).as_posix(), file) for file in files)
    return sorted((name, file) for name, file in named if name not in _LISTS[package])


def _cut(name: str, html: str) -> Iterator[tuple[str, str]]:
    """The sections of a chapter of the FAQ: it has a chapter on a page, and each answers a dozen questions."""
    starts = [(match.start(), match[1]) for match in _SECTION.finditer(html)]
    end = html.rfind('<div class="navfooter">')
    for (start, section), (stop, _) in zip(starts, [*starts[1:], (end, "")], strict=True):
        body = html[start:stop]
        title = read_text(body.partition("</h2>")[0])
        yield f"{name.removesuffix('.en.html')}.html#{section}", _HEAD.format(title=title) + body + "</body></html>\n"


def _write(out: Path, package: str, name: str, html: str, text: str) -> Page:
    file = out / package / re.sub(r"[^\w.-]+", "-", name.replace(".html#", "-").removesuffix(".html") + ".html")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(html, "utf-8")
    told = _TITLE.search(html)
    title = read_text(told[1]) if told else ""
    return Page(id=f"{package}/{name}", title=title or file.stem, text=text, file=file)


def read_text(html: str) -> str:
    """What one reads of a page: no scripts, a line for each block."""
    reader = _Text()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).split("\n"))
    return "\n".join(line for line in lines if line)


class _Text(HTMLParser):
    _UNSEEN = frozenset({"script", "style", "head", "svg"})
    _INLINE = frozenset({"a", "b", "i", "em", "strong", "code", "tt", "span", "sup", "sub", "u", "small", "acronym"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in self._UNSEEN:
            self._depth += 1
        elif tag not in self._INLINE:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._UNSEEN:
            self._depth = max(0, self._depth - 1)
        elif tag not in self._INLINE:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self.pieces.append(re.sub(r"\s+", " ", data))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval.corpus", description=__doc__)
    parser.add_argument("--cache", type=Path, default=default_cache(), help="where packages are kept (%(default)s)")
    parser.add_argument("--out", type=Path, help="where pages are written (a folder of the cache)")
    asked = parser.parse_args()
    wrong: list[str] = []
    try:
        for language in LANGUAGES:
            out = (asked.out or asked.cache / "pages") / language
            pages = build(out, asked.cache, language)
            characters = sum(len(page.text) for page in pages)
            print(f"{language}: {len(pages)} pages, {characters / 1e6:.1f} million characters, in {out}")
            sets = ("questions", "terms") if language == "en" else (f"questions-{language}",)
            for file in (SETS / f"{name}.jsonl" for name in sets):
                wrong += check(pages, file)
                print(f"  {file.name}: {len(file.read_text('utf-8').splitlines())} questions")
    except NoPackages as error:
        print(error, file=sys.stderr)
        return 1
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
