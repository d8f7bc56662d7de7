"""`make docs`: draws the pictures, writes the list of settings into its page, checks links, renders the manual.

    python scripts/make_docs.py [--check]

Out: docs/images/*.svg, the marked part of docs/settings.md, build/docs/*.html. With --check nothing is written and
the exit code says whether all was up to date. The pages are rendered by markdown-it-py, which rich needs anyway.
"""

from __future__ import annotations

import re
import sys
from dataclasses import MISSING, Field, fields
from html import escape
from pathlib import Path
from typing import Any, get_type_hints

import draw_architecture
import draw_ingestion
import draw_request_path
from markdown_it import MarkdownIt

from portico.server.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DOCS, OUT = ROOT / "docs", ROOT / "build" / "docs"
BEGIN, END = "<!-- settings: written by make docs -->", "<!-- end of settings -->"
DEFAULTS = {"data_dir": "`.portico` in a clone, else `~/.local/share/portico`"}
VARIABLES = {
    "provider_keys": "PORTICO_PROVIDER_<NAME>_API_KEY",
    "provider_urls": "PORTICO_PROVIDER_<NAME>_BASE_URL",
    "provider_options": "PORTICO_PROVIDER_<NAME>_<OPTION>",
}
SHORT = {"port": "PORT", "data_dir": "DATA"}


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    stale = [file for file, text in list_texts() if not is_current(file, text)]
    broken = list_broken_links()
    for line in broken:
        print(f"broken link: {line}")
    if check:
        for file in stale:
            print(f"out of date: {file.relative_to(ROOT)}; run: make docs")
        return 1 if stale or broken else 0
    for file, text in list_texts():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    count = render()
    print(f"{count} pages in {OUT.relative_to(ROOT)}; open {OUT.relative_to(ROOT)}/README.html")
    return 1 if broken else 0


def list_texts() -> list[tuple[Path, str]]:
    """The files that are made from the code, and what must stand in them."""
    page = DOCS / "settings.md"
    return [
        (draw_request_path.TARGET, draw_request_path.draw()),
        (draw_architecture.TARGET, draw_architecture.draw()),
        (draw_ingestion.TARGET, draw_ingestion.draw()),
        (page, fill_settings(page.read_text(encoding="utf-8"))),
    ]


def is_current(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text


def fill_settings(page: str) -> str:
    """The page with one paragraph per setting between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    hints = get_type_hints(Settings)
    paragraphs = "\n\n".join(describe(f, hints[f.name]) for f in fields(Settings))
    return f"{before}{BEGIN}\n\n{paragraphs}\n\n{END}{after}"


def describe(setting: Field[Any], hint: Any) -> str:
    """One setting: its variable, its default, its line of help."""
    name = setting.name
    variable = VARIABLES.get(name, f"PORTICO_{name.upper()}")
    short = f", or `{SHORT[name]}`" if name in SHORT else ""
    text = setting.metadata["help"].removeprefix(f"{variable}: ")
    return f"**`{variable}`**{short}. Default: {default_of(setting)}.<br>\n{text[0].upper()}{text[1:]}"


def default_of(setting: Field[Any]) -> str:
    if setting.name in DEFAULTS:
        return DEFAULTS[setting.name]
    match setting.default:
        case None | "":
            return "none"
        case bool() as switch:
            return "`true`" if switch else "`false`"
        case value if value is MISSING:
            return "none"
        case float() as number:
            return f"`{number:.15g}`"
        case value:
            return f"`{value}`"


def list_broken_links() -> list[str]:
    broken = []
    for page in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]:
        for target in re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    return broken


def render() -> int:
    """Every page as HTML beside its pictures; links to pages of the manual stay inside it."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    pages = sorted(DOCS.rglob("*.md"))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        body = re.sub(r'href="(?!\w+:)([^"#]+)\.md', r'href="\1.html', markdown.render(text))
        title = next((line[2:] for line in text.splitlines() if line.startswith("# ")), page.stem)
        target = OUT / page.relative_to(DOCS).with_suffix(".html")
        target.parent.mkdir(parents=True, exist_ok=True)
        home = "../" * (len(page.relative_to(DOCS).parts) - 1) + "README.html"
        target.write_text(SHELL.format(title=escape(title), home=home, body=body), encoding="utf-8")
    for picture in DOCS.rglob("*.svg"):
        copy = OUT / picture.relative_to(DOCS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(picture.read_bytes())
    return len(pages)


SHELL = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title} - Portico</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 62rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.55 system-ui, sans-serif; }}
pre {{ padding: .8rem; overflow-x: auto; background: #8882; border-radius: 6px; }}
code {{ font-size: .92em; }} img {{ max-width: 100%; }}
table {{ border-collapse: collapse; }} th, td {{ border: 1px solid #8886; padding: .3rem .6rem; text-align: left; }}
</style></head>
<body><p><a href="{home}">Portico manual</a></p>
{body}</body></html>
"""

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
