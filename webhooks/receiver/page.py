"""The receiver's page: what came, newest first, and whether its signature holds."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from webhooks.receiver.records import Record

STATIC = Path(__file__).parent / "static"
BADGES = {
    "verified": ("good", "Signature verified"),
    "refused": ("bad", "Signature refused"),
    "unsigned": ("bad", "Not signed"),
    "legacy": ("plain", "Legacy authentication"),
    "checking": ("plain", "Checking the signature"),
}
STATUS_TONES = {
    "completed": "good",
    "failed": "bad",
    "rejected": "bad",
    "canceled": "bad",
    "submitted": "wait",
    "working": "wait",
    "input-required": "wait",
}


def page(records: Sequence[Record], version: int, jwks_url: str) -> str:
    """Return the whole page; it asks its own server for nothing but its style and its script."""
    verified = sum(record.verification.state == "verified" for record in records)
    cards = (
        "".join(_card(record, unfolded=record is records[0]) for record in records)
        or _nothing_yet()
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Buyer's webhook inbox ({len(records)})</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/style.css"><script src="/static/page.js" defer></script>
<link rel="icon" href="data:,"></head>
<body data-version="{version}"><header><div><h1>Buyer's webhook inbox</h1>
<p>What a buyer agent's endpoint got from the seller. Signatures are checked with the AdCP SDK
against <code>{escape(jwks_url) or "no published keys"}</code>.</p></div>
<dl><div><dt>Received</dt><dd>{len(records)}</dd></div>
<div><dt>Verified</dt><dd>{verified}</dd></div></dl>
<button type="button" id="clear">Clear</button></header>
<main>{cards}</main></body></html>"""


def _nothing_yet() -> str:
    return """<section class="empty"><h2>Nothing has arrived yet</h2>
<p>Give this address plus <code>/hooks/…</code> as the <code>push_notification_config.url</code> of
an order, decide on the order in the sales desk, and its outcome appears here by itself.</p>
</section>"""


def _card(record: Record, *, unfolded: bool) -> str:
    content = record.content if isinstance(record.content, dict) else {}
    status = str(content.get("status") or "")
    tone = STATUS_TONES.get(status, "plain")
    title = str(content.get("task_type") or content.get("notification_type") or "message")
    status_pill = _pill(tone, status) if status else ""
    when = record.received_at
    return f"""<article><div class="line">
<time datetime="{when.isoformat()}">{when:%H:%M:%S} UTC</time>
<h2>{escape(title)}</h2>{status_pill}{_verification(record)}{_repeat(record)}{_answered(record)}
<span class="number">#{record.number}</span></div>
{_summary(content)}
<details data-key="body-{record.number}"{" open" if unfolded else ""}><summary>Body</summary>
<pre>{escape(_pretty(record))}</pre></details>
<details data-key="headers-{record.number}"><summary>Request and headers</summary>
<table><tr><th>POST</th><td>{escape(record.path)}</td></tr>{_headers(record)}</table></details>
</article>"""


def _verification(record: Record) -> str:
    tone, words = BADGES[record.verification.state]
    return _pill(tone, words, record.verification.detail) + (
        f'<span class="why">{escape(record.verification.detail)}</span>'
        if record.verification.detail and tone != "good"
        else ""
    )


def _repeat(record: Record) -> str:
    words = "Sent again, same idempotency key"
    return _pill("wait", f"{words} ({record.repeat + 1})") if record.repeat else ""


def _answered(record: Record) -> str:
    return _pill("bad", f"Answered {record.status}") if record.status >= 300 else ""


def _pill(tone: str, words: str, title: str = "") -> str:
    return f'<span class="pill {tone}" title="{escape(title)}">{escape(words)}</span>'


def _summary(content: dict[str, object]) -> str:
    result = content.get("result")
    facts = {**(result if isinstance(result, dict) else {}), **content}
    shown = {
        name: facts[name]
        for name in ("message", "media_buy_id", "task_id", "operation_id")
        if isinstance(facts.get(name), str)
    }
    message = str(shown.pop("message", ""))
    ids = "".join(
        f"<span>{escape(name)} <code>{escape(str(value))}</code></span>"
        for name, value in shown.items()
    )
    sentence = f"<p>{escape(message)}</p>" if message else ""
    return f'{sentence}<div class="ids">{ids}</div>' if shown or message else ""


def _pretty(record: Record) -> str:
    if record.content is None:
        return record.text
    return json.dumps(record.content, indent=2, ensure_ascii=False)


def _headers(record: Record) -> str:
    return "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in record.headers.items()
    )
