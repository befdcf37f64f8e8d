"""Settings under which orders could not reach an ad server are found before they are used."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

SIMULATED = {
    "ADSERVER": "simulated",
    "ADSERVER_URL": "http://127.0.0.1:9",
    "ADSERVER_TOKEN": "a-token",
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"ADSERVER": "inline"}, set()),
        ({"ADSERVER": "inline", "PRODUCTION": True}, {"adcp.W001"}),
        ({"ADSERVER": "elsewhere"}, {"adcp.E006"}),
        (SIMULATED, set()),
        (SIMULATED | {"PRODUCTION": True}, set()),
        (SIMULATED | {"ADSERVER_URL": ""}, {"adcp.E007"}),
        (SIMULATED | {"ADSERVER_URL": "ftp://127.0.0.1"}, {"adcp.E007"}),
        (SIMULATED | {"ADSERVER_TOKEN": ""}, {"adcp.E008"}),
        ({"ADSERVER": "simulated"}, {"adcp.E007", "adcp.E008"}),
    ],
)
def test_ad_server_settings_are_checked(change: dict[str, Any], expected: set[str]) -> None:
    with override_settings(ADSERVER_URL="", ADSERVER_TOKEN=""), override_settings(**change):
        found = {message.id for message in run_checks(tags=["compatibility"])}

    assert {name for name in found if str(name).startswith("adcp.")} == expected
