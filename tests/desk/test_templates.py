"""The desk's own pages keep to what a strict browser and an offline machine allow."""

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if "mail" not in path.parts]
ASSETS = sorted((ROOT / "tasks_hitl" / "static").rglob("*.*"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_have_no_inline_script_style_or_handler(path: Path) -> None:
    page = path.read_text()

    assert not re.search(r"\son\w+\s*=", page)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    assert "<style" not in page
    assert not re.search(r"\sstyle=", page)
    assert "javascript:" not in page


@pytest.mark.parametrize("path", [*TEMPLATES, *ASSETS], ids=lambda path: path.name)
def test_nothing_is_fetched_from_outside(path: Path) -> None:
    names = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text())

    assert [name for name in names if "www.w3.org" not in name] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_nothing_a_buyer_wrote_is_trusted(path: Path) -> None:
    page = path.read_text()

    assert "|safe" not in page
    assert path.suffix == ".html"
    assert "autoescape off" not in page


def test_every_form_is_protected_and_sent_by_post() -> None:
    forms = {path: re.findall(r"<form[^>]*>", path.read_text()) for path in PAGES}

    posted = [path for path, tags in forms.items() for tag in tags if 'method="post"' in tag]
    assert {path.name for path in posted} >= {"_decision_form.html", "confirm_action.html"}
    assert all("{% csrf_token %}" in path.read_text() for path in posted)
    others = [tag for tags in forms.values() for tag in tags if 'method="post"' not in tag]
    assert {("search" in tag, 'method="get"' in tag) for tag in others} == {(True, True)}
