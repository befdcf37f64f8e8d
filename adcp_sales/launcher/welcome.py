"""What a started deployment tells programs (the ready file) and people (the terminal)."""

import json
import os
from typing import Any

from adcp_sales.launcher import ports
from adcp_sales.launcher.example_order import example_order

KEEP_TASK_ID = """| tee /dev/stderr | sed -E 's/.*"task_id":"([^"]+)".*/\\1/'"""
RULE = "─" * 78


def facts(
    *, url: str, demo: dict[str, Any], receiver_port: int | None, ad_server_url: str | None
) -> dict[str, Any]:
    """Return the content of the ready file."""
    buyers = demo.get("buyers", [])
    return {
        "url": url,
        "admin_url": f"{url}/admin/",
        "api_url": f"{url}/adcp/",
        "docs_url": f"{url}/api/docs/",
        "buyer_token": buyers[0].get("token") if buyers else None,
        "buyers": buyers,
        "staff": demo.get("staff", []),
        "receiver_url": f"http://{ports.HOST}:{receiver_port}" if receiver_port else None,
        "ad_server_url": ad_server_url,
        "process": os.getpid(),
    }


def text(found: dict[str, Any]) -> str:
    """Return what is printed when everything answers."""
    lines = ["", RULE, f"Sales desk   {found['admin_url']}"]
    for person in found["staff"]:
        login = f"{person['username']} / {person['password']}"
        lines.append(f"             {login:<32} {person.get('role', '')}".rstrip())
    lines += [f"API          {found['api_url']}", f"API pages    {found['docs_url']}"]
    if found["receiver_url"]:
        lines.append(f"Receiver     {found['receiver_url']}/   what the buyer's endpoint got")
    if found["ad_server_url"]:
        lines.append(f"Ad server    {found['ad_server_url']}/   simulated: what is booked there")
    for buyer in found["buyers"]:
        lines.append(f"Buyer token  {buyer.get('token')}   {buyer.get('name')}")
    lines += main_job(found)
    return "\n".join([*lines, RULE, "Ctrl-C stops everything; the data stays.", ""])


def main_job(found: dict[str, Any]) -> list[str]:
    """Return ready-to-paste lines of the main job, or none where nothing guaranteed is sold."""
    order = example_order(found)
    if order is None:
        return []
    call = (
        'curl -s -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" '
        f"{found['api_url']}"
    )
    statuses = ["pending_creatives", "pending_start", "active"]
    buys = {"account": order["account"], "status_filter": statuses}
    return [
        "",
        "The main job, ready to paste:",
        "",
        f"TOKEN={found['buyer_token']}",
        "# 1. The buyer orders. A guaranteed product waits for a person: status submitted.",
        f"TASK=$({call}create_media_buy -d '{shell_body(order)}' {KEEP_TASK_ID})",
        "# 2. Its status, now and after each step.",
        f"""{call}get_task_status -d '{{"task_id":"'"$TASK"'"}}'""",
        f"# 3. Sign in at {found['admin_url']} as approver, open the order, approve it.",
        "# 4. The buy, booked.",
        f"{call}get_media_buys -d '{json.dumps(buys, separators=(',', ':'))}'",
    ]


def shell_body(order: dict[str, Any]) -> str:
    """Return the order as it stands in the curl line: each paste is an order of its own."""
    key = """order-'"$(date +%s)-$RANDOM$RANDOM"'"""
    return json.dumps({"idempotency_key": key} | order, separators=(",", ":")).replace('\\"', '"')


def silent_heartbeats(health: object, *, seconds_up: float) -> list[str]:
    """Return which of worker and beat has not shown itself since this start.

    A heartbeat that is older than we are was left by an earlier start.
    """
    parts = health.get("parts", {}) if isinstance(health, dict) else {}
    ages = {name: parts.get(name, {}).get("age_seconds") for name in ("worker", "beat")}
    # The age comes in whole seconds.
    return [name for name, age in ages.items() if age is None or age > seconds_up - 1]
