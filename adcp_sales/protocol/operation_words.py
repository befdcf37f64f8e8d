"""What create_media_buy_status says in sentences: what was bought, and what is still to do."""

from collections.abc import Iterable, Iterator

from mediabuys.states import CreativeStatus
from tasks_hitl.operations import Operation, OrderLine

CAMPAIGN_WORDS = {
    "ctv": "CTV",
    "olv": "Online Video",
    "linear_tv": "Linear TV",
    "streaming_audio": "Audio",
    "dooh": "DOOH",
    "ooh": "OOH",
}
CREATIVE_WORDS = {
    "ctv": "video",
    "olv": "video",
    "linear_tv": "video",
    "cinema": "video",
    "streaming_audio": "audio",
    "podcast": "audio",
    "radio": "audio",
    "display": "display",
}
IN_REVIEW = frozenset({CreativeStatus.PROCESSING, CreativeStatus.PENDING_REVIEW})


def campaign_words(lines: Iterable[OrderLine]) -> str:
    """Return what the lines are together: `CTV and Audio campaign`, or `media buy`."""
    channels = [channel for line in lines for channel in line.channels]
    names = list(dict.fromkeys(_channel_words(channel) for channel in channels))
    if not names:
        return "media buy"
    *others, last = names
    return f"{', '.join(others)} and {last} campaign" if others else f"{last} campaign"


def _channel_words(channel: str) -> str:
    return CAMPAIGN_WORDS.get(channel) or channel.replace("_", " ").title()


def next_steps(operation: Operation) -> list[str]:
    """Name each missing creative with its deadline, and then the activation."""
    steps = [step for line in operation.lines for step in _creative_steps(line)]
    return [*steps, _activation(operation)]


def _creative_steps(line: OrderLine) -> Iterator[str]:
    if line.is_ready:
        return
    what = f"{_creative_word(line.channels)} creative"
    by = f" by {line.due:%b %-d}" if line.due else ""
    for wanted in _missing_formats(line):
        yield f"Upload {what}{wanted} for {line.product} package{by}"
    statuses = {status for status, _ in line.creatives}
    if statuses & IN_REVIEW:
        yield f"{what.capitalize()} for {line.product} package is being reviewed"
    elif statuses:
        yield f"Replace the rejected {what} for {line.product} package{by}"


def _missing_formats(line: OrderLine) -> list[str]:
    """Return each chosen format without a creative, as words; an empty word where none is chosen.

    Naming the format says nothing more where the buyer chose but one.
    """
    uploaded = {format_key for _, format_key in line.creatives}
    missing = [format_id for format_id in line.formats if format_id not in uploaded]
    if len(line.formats) > 1:
        return [f" ({format_id})" for format_id in missing]
    return [] if line.creatives else [""]


def _creative_word(channels: list[str]) -> str:
    return next((CREATIVE_WORDS[name] for name in channels if name in CREATIVE_WORDS), "display")


def _activation(operation: Operation) -> str:
    if operation.is_held:
        return "Campaign is held: it will activate once you resume it"
    if not all(line.is_ready for line in operation.lines):
        return "Campaign will activate automatically once creatives are approved"
    return f"Campaign will activate automatically on {operation.start_time:%b %-d}"
