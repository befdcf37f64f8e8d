"""The document `create_media_buy_status`, sentence by sentence."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mediabuys.adservers.port import AdServerRefused, BookedOrder, OrderDeclined
from mediabuys.models import Booking, Creative, MediaBuy, Product, Publisher
from mediabuys.services.bookings import BookingClaim, booking_claim, booking_step
from mediabuys.services.orders import media_buy_cancel
from mediabuys.states import BookingStep, CanceledBy
from tasks_hitl.models import Task
from tasks_hitl.operations import CONTEXT_LIFETIME, OPERATION
from tasks_hitl.services import book
from tasks_hitl.services.bookings import settle_booked, settle_declined, settle_failed
from tasks_hitl.services.expiry import task_expire
from tests.documents.examples import added, differences, example
from tests.people import Buyer, guaranteed_order, in_wire, make_product, order_params
from tests.protocol.conftest import Answer, ask, row_counts
from tests.trade.orders import (
    approve,
    booked_buy,
    give_creatives,
    place,
    reject,
    send_back,
    waiting_task,
)

DOCUMENT = "create_media_buy_status"
CLOSED = frozenset({"adcp_status"})


def status(buyer: Buyer, context_id: str, **arguments: Any) -> Answer:
    return ask(DOCUMENT, {"context_id": context_id}, buyer.token, **arguments)


def ordered(buyer: Buyer, **changes: Any) -> MediaBuy:
    """Return an order that needed nobody, and whose booking is queued."""
    return place(buyer, order_params(buyer, **changes)).drafted.buy


def running(buyer: Buyer) -> MediaBuy:
    """Return a buy whose flight has begun."""
    buy = ordered(buyer)
    MediaBuy.objects.filter(pk=buy.pk).update(start_time=timezone.now())
    give_creatives(buy)
    book(booking_id=buy.booking.booking_id)
    return buy


def claimed(buy: MediaBuy) -> BookingClaim:
    claim = booking_claim(booking_id=buy.booking.booking_id, now=timezone.now())
    assert claim is not None
    return claim


def approved_order(buyer: Buyer, approver: User, **changes: Any) -> MediaBuy:
    """Return a guaranteed order that a person approved, and whose booking is queued."""
    task = waiting_task(buyer, **changes)
    approve(task, approver)
    return MediaBuy.objects.get(pk=task.media_buy_id)


def line(product_id: str, budget: int = 25_000) -> dict[str, Any]:
    return {"product_id": product_id, "pricing_option_id": "usd", "budget": budget}


@pytest.fixture
def ctv_and_audio(buyer: Buyer) -> list[dict[str, Any]]:
    """The packages of the document's example: CTV and drive time, on Google Ad Manager."""
    publisher = buyer.account.publisher
    publisher.ad_server_name = "Google Ad Manager"
    publisher.approval_budget_threshold = Decimal(100_000)
    publisher.save()
    for product_id, name, channel in (
        ("ctv", "CTV", "ctv"),
        ("drive-time", "drive time", "streaming_audio"),
    ):
        media = "video" if channel == "ctv" else "audio"
        product = make_product(product_id, channel=channel, media=media)
        product.name = name
        product.save()
    return [line("ctv"), line("drive-time")]


# Request parameters


@pytest.mark.usefixtures("catalog")
def test_context_id_of_create_media_buy_finds_the_operation(buyer: Buyer) -> None:
    created = ask("create_media_buy", guaranteed_order(buyer), buyer.token).body

    answer = status(buyer, created["context_id"])

    assert answer.status == 200
    assert answer.body["context_id"] == created["context_id"]
    assert answer.body["task_id"] == created["task_id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "context_id"),
        ({"context_id": None}, "context_id"),
        ({"context_id": 7}, "context_id"),
        ({"context_id": ""}, "context_id"),
        ({"context_id": "c" * 256}, "context_id"),
    ],
)
def test_context_id_is_required_and_a_string(
    buyer: Buyer, body: dict[str, Any], field: str
) -> None:
    answer = ask(DOCUMENT, body, buyer.token)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert answer.error["field"] == field
    assert answer.body["error"]["code"] == "INVALID_REQUEST"


def test_both_addresses_answer_alike(buyer: Buyer) -> None:
    buy = ordered(buyer)

    answers = [status(buyer, buy.context_id, prefix=prefix) for prefix in ("adcp", "legacy")]

    assert answers[0].raw == answers[1].raw


# Processing


def test_processing_as_in_the_document(buyer: Buyer) -> None:
    buy = ordered(buyer)
    booking_step(claim=claimed(buy), step=BookingStep.INVENTORY_VALIDATION, now=timezone.now())

    answer = status(buyer, buy.context_id).body

    shown = example(DOCUMENT, "processing")
    assert differences(answer, shown) == []
    assert added(answer, shown) == set()
    assert answer["message"] == shown["message"]
    assert {**answer["progress"], **shown["progress"]} == answer["progress"]


def test_still_processing_as_in_the_document(buyer: Buyer) -> None:
    buy = ordered(buyer)
    booking_step(claim=claimed(buy), step=BookingStep.LINE_ITEM_CREATION, now=timezone.now())

    answer = status(buyer, buy.context_id).body

    shown = example(DOCUMENT, "still_processing")
    assert differences(answer, shown) == []
    assert (answer["message"], answer["progress"]) == (shown["message"], shown["progress"])


@pytest.mark.parametrize(
    ("step", "completed", "doing"),
    [
        (BookingStep.ORDER_VALIDATION, 1, "validating the order"),
        (BookingStep.INVENTORY_VALIDATION, 2, "validating inventory availability"),
        (BookingStep.ORDER_CREATION, 3, "creating the order"),
        (BookingStep.LINE_ITEM_CREATION, 4, "creating line items"),
        (BookingStep.CONFIRMATION, 5, "confirming the order"),
    ],
)
def test_progress_is_the_real_step_of_the_booking(
    buyer: Buyer, step: BookingStep, completed: int, doing: str
) -> None:
    buy = ordered(buyer)
    booking_step(claim=claimed(buy), step=step, now=timezone.now())

    answer = status(buyer, buy.context_id).body

    assert answer["message"] == f"Media buy creation in progress - {doing}"
    assert (answer["progress"]["current_step"], answer["progress"]["completed"]) == (
        step.value,
        completed,
    )
    assert answer["progress"]["total"] == 5


def test_an_approved_order_is_processing_until_it_is_booked(buyer: Buyer, approver: User) -> None:
    buy = approved_order(buyer, approver)

    assert status(buyer, buy.context_id).body["status"] == "processing"

    book(booking_id=buy.booking.booking_id)

    assert status(buyer, buy.context_id).body["status"] == "completed"


# Completed


def test_completed_as_in_the_document(
    buyer: Buyer, approver: User, catalog: dict[str, Product], publisher: Publisher
) -> None:
    # given a product of no channel, and an ad server that names no line items
    publisher.ad_server_name = "Google Ad Manager"
    publisher.save()
    catalog["homepage"].channels = []
    catalog["homepage"].save()
    buy = approved_order(buyer, approver)
    settle_booked(claim=claimed(buy), order=BookedOrder("gam-1", {}))

    answer = status(buyer, buy.context_id).body

    shown = example(DOCUMENT, "completed")
    assert differences(answer, shown) == []
    assert added(answer, shown) == CLOSED
    same = ("message", "status", "media_buy_status", "detail")
    assert [answer[key] for key in same] == [shown[key] for key in same]
    assert answer["adcp_status"] == "pending_creatives"


def test_completed_with_its_line_items_as_in_the_document(
    buyer: Buyer, ctv_and_audio: list[dict[str, Any]]
) -> None:
    # given a flight that starts the day after the creatives are due
    start = datetime(timezone.now().year + 1, 1, 31, 23, 59, 59, tzinfo=UTC)
    end = start + timedelta(days=20)
    buy = booked_buy(
        buyer, packages=ctv_and_audio, start_time=in_wire(start), end_time=in_wire(end)
    )

    answer = status(buyer, buy.context_id).body

    shown = example(DOCUMENT, "completed_with_lines")
    assert differences(answer, shown) == []
    assert f"{answer['message']} targeting pet owners" == shown["message"]
    assert answer["detail"] == shown["detail"] == "Created 2 line items in Google Ad Manager"
    assert answer["next_steps"] == shown["next_steps"]
    assert answer["media_buy_id"] == buy.media_buy_id
    assert answer["creative_deadline"] == f"{start.year}-01-30T23:59:59Z"


def test_message_has_the_budget_in_words(buyer: Buyer) -> None:
    buy = booked_buy(buyer, packages=[line("run-of-site", 1250)])

    answer = status(buyer, buy.context_id).body

    assert answer["message"] == "Successfully created your $1,250 Display campaign"
    assert answer["detail"] == "Created 1 line item in Ledger Ad Server"


@pytest.mark.parametrize(
    ("word", "adcp_status"), [("pending_activation", "pending_creatives"), ("active", "active")]
)
def test_media_buy_status_has_an_older_word_and_the_protocols(
    buyer: Buyer, word: str, adcp_status: str
) -> None:
    # given an order without creatives, or one that runs
    buy = running(buyer) if word == "active" else booked_buy(buyer)

    answer = status(buyer, buy.context_id).body

    assert (answer["media_buy_status"], answer["adcp_status"]) == (word, adcp_status)


def test_pending_start_is_pending_activation_too(buyer: Buyer) -> None:
    buy = ordered(buyer)
    give_creatives(buy)
    book(booking_id=buy.booking.booking_id)

    answer = status(buyer, buy.context_id).body

    assert (answer["media_buy_status"], answer["adcp_status"]) == (
        "pending_activation",
        "pending_start",
    )
    assert answer["next_steps"] == [
        f"Campaign will activate automatically on {buy.start_time:%b %-d}"
    ]


def test_next_steps_end_with_what_holds_the_campaign(buyer: Buyer) -> None:
    buy = booked_buy(buyer, paused=True)
    give_creatives(buy)

    steps = status(buyer, buy.context_id).body["next_steps"]

    assert steps == ["Campaign is held: it will activate once you resume it"]


def test_next_steps_are_empty_once_it_runs(buyer: Buyer) -> None:
    buy = running(buyer)

    assert status(buyer, buy.context_id).body["next_steps"] == []


def test_next_steps_say_what_became_of_each_creative(
    buyer: Buyer, ctv_and_audio: list[dict[str, Any]]
) -> None:
    # given one creative in review and one rejected
    buy = booked_buy(buyer, packages=ctv_and_audio)
    give_creatives(buy)
    in_review, rejected = Creative.objects.order_by("pk")
    in_review.submit()
    in_review.save()
    rejected.reject()
    rejected.rejection_reason = "Too loud"
    rejected.save()

    steps = status(buyer, buy.context_id).body["next_steps"]

    due = f"{buy.creative_deadline:%b %-d}"
    assert steps == [
        "Video creative for CTV package is being reviewed",
        f"Replace the rejected audio creative for drive time package by {due}",
        "Campaign will activate automatically once creatives are approved",
    ]


def test_next_steps_name_each_missing_format(buyer: Buyer, catalog: dict[str, Product]) -> None:
    buy = booked_buy(buyer)
    package = buy.packages.get()
    package.format_ids = [
        {"agent_url": "http://127.0.0.1:8000", "id": name} for name in ("leaderboard", "skyscraper")
    ]
    package.save()

    steps = status(buyer, buy.context_id).body["next_steps"]

    due = f"{buy.creative_deadline:%b %-d}"
    assert steps[:2] == [
        f"Upload display creative (leaderboard) for Run Of Site package by {due}",
        f"Upload display creative (skyscraper) for Run Of Site package by {due}",
    ]


def test_a_package_that_starts_later_has_its_creative_due_later(
    buyer: Buyer, ctv_and_audio: list[dict[str, Any]]
) -> None:
    start = timezone.now() + timedelta(days=40)
    ctv, audio = ctv_and_audio
    later = {**audio, "start_time": in_wire(start + timedelta(days=10))}
    buy = booked_buy(
        buyer,
        packages=[ctv, later],
        start_time=in_wire(start),
        end_time=in_wire(start + timedelta(days=30)),
    )

    steps = status(buyer, buy.context_id).body["next_steps"]

    assert steps[0].endswith(f" by {start - timedelta(days=1):%b %-d}")
    assert steps[1].endswith(f" by {start + timedelta(days=9):%b %-d}")


# Failed


def test_failed_as_in_the_document(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    reject(task, approver, note=example(DOCUMENT, "failed")["error"]["message"])

    answer = status(buyer, task.context_id).body

    shown = example(DOCUMENT, "failed")
    assert answer == {**shown, "context_id": task.context_id, "adcp_version": "3.1"}


def test_an_approved_order_that_the_ad_server_declines_has_failed(
    buyer: Buyer, approver: User
) -> None:
    buy = approved_order(buyer, approver)
    settle_declined(claim=claimed(buy), error=OrderDeclined("March is sold out."))

    answer = status(buyer, buy.context_id).body

    assert (answer["status"], answer["error"]["code"]) == ("failed", "INSUFFICIENT_INVENTORY")
    assert answer["error"]["message"] == "March is sold out."
    assert "media_buy_id" not in answer
    task = Task.objects.get()
    assert (task.status, task.result["media_buy_status"]) == ("completed", "rejected")


def test_an_order_that_waited_for_nobody_and_was_declined_has_failed(buyer: Buyer) -> None:
    buy = ordered(buyer)
    settle_declined(claim=claimed(buy), error=OrderDeclined("March is sold out."))

    answer = status(buyer, buy.context_id).body

    assert (answer["status"], answer["error"]["code"]) == ("failed", "INSUFFICIENT_INVENTORY")


@pytest.mark.parametrize("waits", [True, False])
def test_a_booking_that_cannot_be_made_has_failed(
    buyer: Buyer, approver: User, waits: bool
) -> None:
    buy = approved_order(buyer, approver) if waits else ordered(buyer)
    settle_failed(claim=claimed(buy), error=AdServerRefused("Wrong network code 4711."))

    answer = status(buyer, buy.context_id)

    assert answer.body["error"] == {
        "code": "CONFIGURATION_ERROR",
        "message": "The order could not be booked on the ad server.",
        "suggestion": answer.body["error"]["suggestion"],
    }
    assert answer.body["message"].startswith("Media buy creation failed: ")
    assert b"4711" not in answer.raw


def test_an_order_that_nobody_answered_has_failed(buyer: Buyer) -> None:
    task = waiting_task(buyer)
    task_expire(task=task, now=timezone.now())

    answer = status(buyer, task.context_id).body

    assert (answer["status"], answer["error"]["code"]) == ("failed", "SERVICE_UNAVAILABLE")
    assert set(answer["error"]) == {"code", "message", "suggestion"}


@pytest.mark.parametrize("reason", ["price_too_low", "content_policy", "terms", "other"])
def test_every_failure_has_code_message_and_suggestion(
    buyer: Buyer, approver: User, reason: str
) -> None:
    task = waiting_task(buyer)
    reject(task, approver, reason_code=reason, note="Not like this.")

    answer = status(buyer, task.context_id).body

    assert answer["message"] == "Media buy creation failed: Not like this."
    assert set(answer["error"]) == {"code", "message", "suggestion"}
    assert answer["error"]["code"] != "INSUFFICIENT_INVENTORY"


def test_an_order_canceled_before_it_was_booked_has_failed(buyer: Buyer) -> None:
    buy = ordered(buyer)
    media_buy_cancel(
        buy=buy,
        actor="staff",
        canceled_by=CanceledBy.SELLER,
        reason="Wrong advertiser",
        now=timezone.now(),
    )

    answer = status(buyer, buy.context_id).body

    assert (answer["status"], answer["error"]["code"]) == ("failed", "CANCELED")


def test_a_buy_canceled_after_it_was_booked_was_created(buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    media_buy_cancel(
        buy=buy,
        actor="staff",
        canceled_by=CanceledBy.BUYER,
        reason="",
        now=timezone.now(),
    )

    answer = status(buyer, buy.context_id).body

    assert (answer["status"], answer["media_buy_status"]) == ("completed", "canceled")
    assert answer["next_steps"] == []


# Pending manual approval


def test_pending_manual_as_in_the_document(buyer: Buyer) -> None:
    # given an order over the threshold of automatic approval
    buy = place(buyer, order_params(buyer, packages=[line("run-of-site", 50_000)])).drafted.buy

    answer = status(buyer, buy.context_id).body

    shown = example(DOCUMENT, "pending_manual")
    task = Task.objects.get()
    assert answer == {
        **shown,
        "context_id": buy.context_id,
        "task_id": task.task_id,
        "adcp_version": "3.1",
    }


def test_pending_manual_names_the_measured_estimate(buyer: Buyer, publisher: Publisher) -> None:
    publisher.measured_approval_estimate = "about 3 hours"
    publisher.save()
    task = waiting_task(buyer)

    assert status(buyer, task.context_id).body["estimated_approval_time"] == task.estimate


def test_an_order_sent_back_waits_for_the_buyer(buyer: Buyer, approver: User) -> None:
    task = waiting_task(buyer)
    send_back(task, approver, note="The flight is too short.", suggestion="Run it for four weeks.")

    answer = status(buyer, task.context_id).body

    assert (answer["status"], answer["responsible_party"]) == ("pending_manual", "buyer")
    assert answer["action_detail"] == "The flight is too short."
    assert answer["suggestion"] == "Run it for four weeks."
    assert (answer["task_id"], answer["context_id"]) == (task.task_id, task.context_id)


def test_an_order_that_was_replaced_leads_to_the_one_that_replaced_it(
    buyer: Buyer, approver: User
) -> None:
    task = waiting_task(buyer)
    send_back(task, approver)
    corrected = guaranteed_order(buyer, "key-0000000000000002", context_id=task.context_id)
    created = ask("create_media_buy", corrected, buyer.token).body

    answer = status(buyer, task.context_id).body

    assert (answer["status"], answer["error"]["code"]) == ("failed", "SUPERSEDED")
    assert answer["error"]["suggestion"] == (
        f"Ask for the status of {created['context_id']} instead."
    )
    assert status(buyer, created["context_id"]).body["status"] == "pending_manual"


# Invalid context


def test_invalid_context_verbatim(buyer: Buyer) -> None:
    answer = status(buyer, "ctx-create-mb-456")

    assert answer.status == 404
    assert answer.body["error"] == example(DOCUMENT, "invalid_context")["error"]
    assert answer.error["code"] == "INVALID_CONTEXT"


def test_a_foreign_context_is_an_unknown_one(buyer: Buyer, stranger: Buyer) -> None:
    task = waiting_task(buyer)
    before = row_counts()

    foreign, unknown = status(stranger, task.context_id), status(stranger, "ctx_unknown")

    assert foreign.raw == unknown.raw
    assert foreign.status == unknown.status == 404
    assert row_counts() == before


def test_a_context_without_access_to_its_account_is_unknown(buyer: Buyer) -> None:
    task = waiting_task(buyer)
    buyer.account.accesses.all().delete()

    assert status(buyer, task.context_id).status == 404


@pytest.mark.parametrize("end", ["booked", "rejected", "declined"])
def test_a_context_is_valid_for_a_while_after_its_operation_ended(
    buyer: Buyer, approver: User, end: str
) -> None:
    # given an operation that ended one minute before, and one after, contexts are forgotten
    context_id = ended(buyer, approver, end)
    young = timezone.now() - CONTEXT_LIFETIME + timedelta(minutes=1)
    old = timezone.now() - CONTEXT_LIFETIME - timedelta(minutes=1)

    Task.objects.filter(completed_at__isnull=False).update(completed_at=young)
    Booking.objects.update(settled_at=young)
    assert status(buyer, context_id).status == 200

    Task.objects.filter(completed_at__isnull=False).update(completed_at=old)
    Booking.objects.update(settled_at=old)
    assert status(buyer, context_id).body["error"]["code"] == "INVALID_CONTEXT"


def ended(buyer: Buyer, approver: User, end: str) -> str:
    """Return the context of an operation that ended this way."""
    if end == "booked":
        return booked_buy(buyer).context_id
    if end == "rejected":
        task = waiting_task(buyer)
        reject(task, approver)
        return task.context_id
    buy = ordered(buyer)
    settle_declined(claim=claimed(buy), error=OrderDeclined("Sold out."))
    return buy.context_id


def test_a_context_is_valid_as_long_as_its_operation_runs(buyer: Buyer) -> None:
    task = waiting_task(buyer)
    MediaBuy.objects.update(created_at=timezone.now() - timedelta(days=400))
    Task.objects.update(created_at=timezone.now() - timedelta(days=400))

    assert status(buyer, task.context_id).body["status"] == "pending_manual"


# Polling


@pytest.mark.parametrize(
    ("seconds", "allowed"),
    [
        (0, range(1, 3)),
        (9, range(1, 3)),
        (11, range(5, 11)),
        (69, range(5, 11)),
        (71, range(30, 61)),
        (3600, range(30, 61)),
    ],
)
def test_processing_says_when_to_poll_again(buyer: Buyer, seconds: int, allowed: range) -> None:
    buy = ordered(buyer)
    Booking.objects.update(queued_at=timezone.now() - timedelta(seconds=seconds))

    answer = status(buyer, buy.context_id)

    assert int(answer.headers["Retry-After"]) in allowed


def test_pending_manual_is_polled_every_five_minutes(buyer: Buyer) -> None:
    task = waiting_task(buyer)

    assert status(buyer, task.context_id).headers["Retry-After"] == "300"


def test_what_ended_is_polled_no_more(buyer: Buyer) -> None:
    buy = booked_buy(buyer)

    assert "Retry-After" not in status(buyer, buy.context_id).headers


# Implementation guide


def test_a_poll_is_one_query_beside_the_token(buyer: Buyer) -> None:
    buy = booked_buy(buyer, packages=[line("run-of-site", 400)] * 8)

    with CaptureQueriesContext(connection) as captured:
        answer = status(buyer, buy.context_id)

    assert len(answer.body["next_steps"]) == 9
    polled = [row["sql"] for row in captured.captured_queries if "apitoken" not in row["sql"]]
    assert len(polled) == 1


def test_a_poll_reads_by_indexes_alone(buyer: Buyer) -> None:
    # given enough orders of one agent that the planner must choose
    buy = ordered(buyer)
    shared = ("principal", "account", "currency", "total_budget", "start_time", "end_time")
    fields = {name: getattr(buy, name) for name in shared}
    MediaBuy.objects.bulk_create(MediaBuy(**fields) for _ in range(500))
    wanted: dict[str, Any] = {
        "context_id": buy.context_id,
        "principal": buyer.principal.pk,
        "task_type": "create_media_buy",
    }

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE mediabuys_mediabuy")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {OPERATION}", wanted)
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "Seq Scan" not in plan
    assert "Index Scan using mediabuys_mediabuy_context_id" in plan


def test_a_poll_changes_nothing(buyer: Buyer) -> None:
    task = waiting_task(buyer)
    before = row_counts()

    status(buyer, task.context_id)

    assert row_counts() == before
    task.refresh_from_db()
    assert task.version == 1
