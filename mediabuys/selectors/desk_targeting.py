"""Targeting as a salesperson would say it; whatever has no words yet is named, never hidden."""

from collections.abc import Callable, Mapping
from typing import Any

NAMES: Mapping[str, str] = {
    "geo_countries": "Countries",
    "geo_countries_exclude": "Not in",
    "geo_regions": "Regions",
    "geo_regions_exclude": "Not in regions",
    "geo_metros": "Metro areas",
    "geo_metros_exclude": "Not in metro areas",
    "geo_postal_areas": "Postal areas",
    "geo_postal_areas_exclude": "Not in postal areas",
    "geo_proximity": "Near places",
    "age_restriction": "Age",
    "audience_include": "Audiences",
    "audience_exclude": "Without audiences",
    "device_platform": "Platforms",
    "device_type": "Devices",
    "device_type_exclude": "Not on",
    "daypart_targets": "Dayparts",
    "frequency_cap": "Frequency cap",
    "language": "Languages",
    "keyword_targets": "Keywords",
    "negative_keywords": "Without keywords",
    "property_list": "Property list",
    "collection_list": "Collection list",
    "collection_list_exclude": "Without collection list",
    "axe_include_segment": "Segment",
    "axe_exclude_segment": "Without segment",
    "signal_targeting": "Signals",
    "signal_targeting_groups": "Signals",
    "store_catchments": "Store catchments",
}
LONGEST_LIST = 8


def targeting_in_words(overlay: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    """Return pairs of what is restricted and how, such as `("Countries", "US, CA")`."""
    return tuple(
        (NAMES.get(key, key.replace("_", " ").capitalize()), _words(key, value))
        for key, value in (overlay or {}).items()
        if value not in (None, [], {})
    )


def _words(key: str, value: Any) -> str:
    try:
        return SPECIAL.get(key, _plain)(value)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        # A shape that this version does not know is shown as it came.
        return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key.replace('_', ' ')} {_plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        more = f" and {len(value) - LONGEST_LIST} more" if len(value) > LONGEST_LIST else ""
        return ", ".join(_plain(item) for item in value[:LONGEST_LIST]) + more
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _spoken(values: list[str]) -> str:
    return _plain([str(value).replace("_", " ") for value in values])


def _areas(entries: list[Mapping[str, Any]]) -> str:
    return "; ".join(
        f"{_plain(entry['values'])} ({str(entry.get('system', 'postal')).replace('_', ' ')})"
        for entry in entries
    )


def _age(restriction: Mapping[str, Any]) -> str:
    verified = ", verified" if restriction.get("verification_required") else ""
    return f"{restriction['min']} or older{verified}"


def _daypart(entry: Mapping[str, Any]) -> str:
    days = ", ".join(str(day)[:3].capitalize() for day in entry["days"])
    return f"{days} {entry['start_hour']:02d}:00 to {entry['end_hour']:02d}:00"


def _dayparts(entries: list[Mapping[str, Any]]) -> str:
    return "; ".join(_daypart(entry) for entry in entries)


def _duration(window: Mapping[str, Any]) -> str:
    interval, unit = window["interval"], str(window["unit"])
    return f"1 {unit.removesuffix('s')}" if interval == 1 else f"{interval} {unit}"


def _frequency(cap: Mapping[str, Any]) -> str:
    parts = []
    if "max_impressions" in cap:
        per = str(cap.get("per", "person")).rstrip("s").replace("_", " ")
        parts.append(
            f"at most {cap['max_impressions']} for each {per} in {_duration(cap['window'])}"
        )
    if "suppress" in cap:
        parts.append(f"{_duration(cap['suppress'])} between two")
    if "suppress_minutes" in cap:
        parts.append(f"{cap['suppress_minutes']} minutes between two")
    return ", ".join(parts) or _plain(cap)


def _keywords(entries: list[Mapping[str, Any]]) -> str:
    return _plain([f"{entry['keyword']} ({entry['match_type']})" for entry in entries])


SPECIAL: Mapping[str, Callable[[Any], str]] = {
    "geo_metros": _areas,
    "geo_metros_exclude": _areas,
    "geo_postal_areas": _areas,
    "geo_postal_areas_exclude": _areas,
    "age_restriction": _age,
    "device_platform": _spoken,
    "device_type": _spoken,
    "device_type_exclude": _spoken,
    "daypart_targets": _dayparts,
    "frequency_cap": _frequency,
    "keyword_targets": _keywords,
    "negative_keywords": _keywords,
}
