"""Which AdCP release a call is served with."""

import re
from typing import Any

from adcp_sales.protocol.errors import AdcpError

BUILD_VERSION = "0.1.0"
SUPPORTED_VERSIONS = ("3.1",)
SUPPORTED_MAJORS = (3,)
DEFAULT_VERSION = "3.1"

RELEASE = re.compile(r"(?P<major>\d{1,4})\.(?P<minor>\d{1,4})(?P<prerelease>-[A-Za-z0-9.-]+)?")


def negotiate(params: dict[str, Any]) -> str:
    """Return the release that serves this call.

    An exact match, else the highest supported release below the pin within its major version.
    Raises AdcpError VERSION_UNSUPPORTED, or INVALID_REQUEST for a pin that is no release.
    """
    major = params.get("adcp_major_version")
    pinned = params.get("adcp_version")
    if major is not None and (not isinstance(major, int) or isinstance(major, bool)):
        raise _malformed("adcp_major_version", "adcp_major_version must be an integer.")
    if pinned is None:
        if major is not None and major not in SUPPORTED_MAJORS:
            raise _unsupported("adcp_major_version")
        return DEFAULT_VERSION
    if not isinstance(pinned, str) or not (release := RELEASE.fullmatch(pinned)):
        raise _malformed("adcp_version", 'adcp_version must be a release such as "3.1".')
    if major is not None and major != int(release["major"]):
        raise _unsupported("adcp_version")
    return _served(release)


def _served(release: re.Match[str]) -> str:
    wanted = (int(release["major"]), int(release["minor"]), not release["prerelease"])
    fitting = [
        version
        for version in SUPPORTED_VERSIONS
        if (*_parts(version), True) <= wanted and _parts(version)[0] == wanted[0]
    ]
    if not fitting:
        raise _unsupported("adcp_version")
    return max(fitting, key=_parts)


def _parts(version: str) -> tuple[int, int]:
    major, minor = version.split(".")
    return int(major), int(minor)


def _malformed(field: str, message: str) -> AdcpError:
    return AdcpError("INVALID_REQUEST", message, field=field)


def _unsupported(field: str) -> AdcpError:
    return AdcpError(
        "VERSION_UNSUPPORTED",
        "This agent does not serve that AdCP version.",
        field=field,
        details={
            "supported_versions": list(SUPPORTED_VERSIONS),
            "supported_majors": list(SUPPORTED_MAJORS),
            "build_version": BUILD_VERSION,
        },
    )
