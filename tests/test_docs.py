"""What the documents say is so: links lead somewhere, and examples run."""

import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from django.conf import settings

from adcp_sales.demo.creatives import CREATIVES
from adcp_sales.demo.formats import FORMATS
from adcp_sales.demo.products import PRODUCTS
from adcp_sales.protocol import dispatch, registry, schemas
from adcp_sales.protocol.schemas import validate_request

ROOT = Path(settings.BASE_DIR)
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "deploy/*.md")
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")
AGENT = "http://agent.example"
CALL = re.compile(r"^adcp (\w+) '(.*?)'(?= \||$)", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_files(name: str) -> None:
    document = ROOT / name

    links = LINK.findall(document.read_text("utf-8"))

    assert [link for link in links if not (document.parent / link).exists()] == []


def readme_calls() -> list[tuple[str, dict]]:
    """Return each task that the README calls, with its body; shell variables become words."""
    text = (ROOT / "README.md").read_text("utf-8")
    bodies = [(task, re.sub(r"'\$(\w+)'", r"\1", body)) for task, body in CALL.findall(text)]
    return [
        (task, json.loads(body.replace('"URL"', '"http://a.example"'))) for task, body in bodies
    ]


def test_readme_walks_the_main_job() -> None:
    assert [task for task, _ in readme_calls()] == [
        "get_products",
        "create_media_buy",
        "get_task_status",
        "create_media_buy_status",
        "create_media_buy_status",
        "get_media_buys",
        "sync_creatives",
        "get_media_buys",
        "update_media_buy",
        "get_media_buy_delivery",
    ]


def test_readme_sends_only_valid_requests() -> None:
    for task, body in readme_calls():
        validate_request(registry.task_specs()[task], body)


def test_readme_orders_what_the_demo_sells() -> None:
    [order] = [body for task, body in readme_calls() if task == "create_media_buy"]
    [sync] = [body for task, body in readme_calls() if task == "sync_creatives"]
    [package] = order["packages"]
    product = next(row for row in PRODUCTS if row.product_id == package["product_id"])
    [creative] = sync["creatives"]
    wanted = next(row for row in FORMATS if row.format_id == creative["format_id"]["id"])

    assert package["pricing_option_id"] in {price.pricing_option_id for price in product.prices}
    assert wanted.format_id in product.formats
    assert set(creative["assets"]) == {
        slot["asset_id"] for slot in wanted.assets if slot["required"]
    }
    assert creative["creative_id"] not in {row.creative_id for row in CREATIVES}


def test_readme_counts_the_products() -> None:
    assert f"{len(PRODUCTS)} products" in (ROOT / "README.md").read_text("utf-8")


def test_contributing_task_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    [example] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    module = ModuleType("ping")
    exec(example, module.__dict__)  # noqa: S102 - the document's own lines are what is tested
    specs = {**registry.task_specs(), "ping": module.TASKS[0]}
    monkeypatch.setattr(schemas, "task_specs", lambda: specs)
    monkeypatch.setattr(dispatch, "task_spec", specs.get)

    outcome = dispatch.run_task("ping", {}, None)

    assert outcome.http_status == 200
    assert outcome.body["status"] == "completed"
    assert set(outcome.body) == {"status", "adcp_version", "at"}


def test_readme_names_only_settings_that_are_read() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    table = text.split("## Configuration")[1].split("## Deploying")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    source = "".join(
        path.read_text("utf-8") for path in (ROOT / "adcp_sales/settings").glob("*.py")
    )

    assert {name for name in named if f'"{name}"' not in source} == set()
    assert len(named) >= 15
