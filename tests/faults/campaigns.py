"""A campaign of the fault suite with everything it runs on: ad server, receiver, settings."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.test import override_settings

from adcp_sales.launcher.ports import ask
from tests.faults.ad_server import AdServerProcess
from tests.faults.invariants import assert_invariants
from tests.faults.orders import make_scene
from tests.faults.rounds import Campaign
from tests.faults.workers import LEASE, short_leases
from tests.launcher.support import ROOT, free_port
from webhooks.dispatcher import dispatch_due
from webhooks.models import Delivery
from webhooks.states import DeliveryStatus

START_SECONDS = 20
TELLING_SECONDS = 60


@contextmanager
def campaign(seed: int, folder: Path) -> Iterator[Campaign]:
    """Yield a campaign on an empty database, and take down everything afterwards.

    `folder` keeps the logs: of the ad server, and of what the receiver got.
    """
    ad_server = AdServerProcess(folder)
    log = receiver_log(folder)
    try:
        ad_server.start()
        settings = {
            "ADSERVER": "simulated",
            "ADSERVER_URL": ad_server.url,
            "ADSERVER_TOKEN": ad_server.token,
            "WEBHOOK_LEASE_SECONDS": LEASE.total_seconds(),
        }
        with override_settings(**settings), short_leases(), _receiver(log) as hook:
            yield Campaign(make_scene(ad_server, hook), seed)
    finally:
        ad_server.kill()


def receiver_log(folder: Path) -> Path:
    """Return the file in which the receiver notes what it gets."""
    return folder / "received.jsonl"


def finish(campaign: Campaign, folder: Path) -> None:
    """Heal, tell the buyers, and check every order and every invariant."""
    campaign.heal()
    campaign.check()
    _tell_all()
    scene = campaign.scene
    assert_invariants(
        receiver_log=receiver_log(folder), secrets=(scene.ad_server.token, scene.buyer.token)
    )


def _tell_all() -> None:
    waiting = Delivery.objects.filter(status=DeliveryStatus.PENDING)
    deadline = time.monotonic() + TELLING_SECONDS
    while waiting.exists():
        assert time.monotonic() < deadline, f"{waiting.count()} notices are still due"
        dispatch_due(limit=1000)


@contextmanager
def _receiver(log: Path) -> Iterator[str]:
    """Yield the address of a buyer's endpoint that answers 200 and notes what it got."""
    port = free_port()
    command = [sys.executable, "-m", "webhooks.receiver", "--port", str(port), "--log", str(log)]
    # Senders that die in the middle are not worth a trace each.
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while ask(port, "/healthz")[0] != 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}/hooks/buyer"
    finally:
        process.kill()
        process.wait()
