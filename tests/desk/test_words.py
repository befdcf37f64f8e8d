"""What the desk says: targeting, money, durations, badges, mail."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from mediabuys.selectors.desk_targeting import targeting_in_words
from mediabuys.selectors.desk_words import DASH, flight_in_words
from tasks_hitl.desk.reasons import reasons_of, stopping_reasons
from tasks_hitl.notifications import staff_notice_body
from tasks_hitl.templatetags import desk
from tests.people import Buyer
from tests.trade.orders import waiting_task
from tests.trade.parked import sold_buy, waiting_change


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        (None, ()),
        ({"geo_countries": ["US", "CA"]}, (("Countries", "US, CA"),)),
        (
            {"geo_metros": [{"system": "nielsen_dma", "values": ["501", "803"]}]},
            (("Metro areas", "501, 803 (nielsen dma)"),),
        ),
        (
            {"age_restriction": {"min": 21, "verification_required": True}},
            (("Age", "21 or older, verified"),),
        ),
        ({"device_type": ["mobile", "ctv"]}, (("Devices", "mobile, ctv"),)),
        (
            {"daypart_targets": [{"days": ["monday"], "start_hour": 6, "end_hour": 9}]},
            (("Dayparts", "Mon 06:00 to 09:00"),),
        ),
        (
            {
                "frequency_cap": {
                    "max_impressions": 3,
                    "per": "devices",
                    "window": {"interval": 1, "unit": "days"},
                }
            },
            (("Frequency cap", "at most 3 for each device in 1 day"),),
        ),
        (
            {"keyword_targets": [{"keyword": "tyres", "match_type": "exact"}]},
            (("Keywords", "tyres (exact)"),),
        ),
        ({"geo_regions": [f"US-{n}" for n in range(10)]}, None),
        ({"from_the_future": {"depth": 3, "on": True}}, (("From the future", "depth 3, on yes"),)),
        ({"age_restriction": "odd"}, (("Age", "odd"),)),
        ({"daypart_targets": [{"odd": 1}]}, (("Dayparts", "odd 1"),)),
    ],
)
def test_targeting_is_said_in_words(overlay: Any, words: Any) -> None:
    if words is None:
        assert targeting_in_words(overlay)[0][1].endswith("and 2 more")
    else:
        assert targeting_in_words(overlay) == words


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(seconds=59), "under 1 min"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=1, minutes=12), "1 h 12 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(days=1, hours=3, minutes=9), "1 day 3 h"),
        (timedelta(days=3, minutes=9), "3 days"),
        (-timedelta(hours=1), "1 h"),
        (None, DASH),
    ],
)
def test_durations_have_two_units_at_most(duration: timedelta | None, words: str) -> None:
    assert desk.span(duration) == words


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (Decimal("10"), "USD", "$10.00"),
        (Decimal("0.0450"), "USD", "$0.0450"),
        (Decimal("1234.5"), "EUR", "EUR 1,234.50"),
        (None, "USD", DASH),
    ],
)
def test_prices_keep_their_fractions(amount: Decimal | None, currency: str, words: str) -> None:
    assert desk.price(amount, currency) == words


def test_flights_name_month_and_year_once() -> None:
    year = timezone.now().year + 2

    def flight(*dates: tuple[int, int, int]) -> str:
        start, end = (datetime(*date, 12, tzinfo=UTC) for date in dates)
        return flight_in_words(start, end).replace(DASH, "-")

    assert flight((year, 3, 3), (year, 3, 31)) == f"3 - 31 Mar {year}"
    assert flight((year, 3, 3), (year, 4, 1)) == f"3 Mar - 1 Apr {year}"
    assert flight((year, 12, 3), (year + 1, 1, 1)) == f"3 Dec {year} - 1 Jan {year + 1}"
    assert flight((year, 3, 3), (year, 3, 3)) == f"3 Mar {year}"
    assert flight((year - 2, 3, 3), (year - 2, 4, 1)) == "3 Mar - 1 Apr"


def rule(kind: str, *, stopped: bool = True, **facts: Any) -> dict[str, Any]:
    return {
        "rule_key": kind,
        "version": 1,
        "name": kind,
        "kind": kind,
        "stopped": stopped,
        "explanation": "…",
        "facts": facts,
    }


def test_badges_say_why_risks_first() -> None:
    policy = {
        "rules": [
            rule("guaranteed"),
            rule("credit", stopped=False),
            rule("under_rate_card", deepest_discount_percent="33.3"),
            rule("category", categories=["a.politics", "politics"], watched=["politics"]),
        ]
    }

    assert [reason.label for reason in stopping_reasons(policy)] == [
        "33 % under card",
        "politics",
        "guaranteed",
    ]
    assert [reason.stopped for reason in reasons_of(policy)] == [True, True, True, False]


def test_a_rule_that_could_not_answer_still_has_a_badge() -> None:
    policy = {"rules": [rule("under_rate_card"), rule("category"), rule("of_the_future")]}

    assert [reason.label for reason in stopping_reasons(policy)] == [
        "under rate card",
        "category",
        "of the future",
    ]
    assert stopping_reasons({}) == ()


@pytest.mark.django_db
def test_the_mail_leads_to_the_page_and_decides_nothing(buyer: Buyer) -> None:
    publisher = buyer.account.publisher
    publisher.timezone = "Europe/Amsterdam"
    publisher.save()
    buyer.account.name = "Acme <b>& Sons</b>"
    buyer.account.save()
    task = waiting_task(buyer)
    task.due_at = datetime(2031, 1, 2, 12, 0, tzinfo=UTC)

    mail = staff_notice_body(task)

    link = f"{settings.PUBLIC_URL}/admin/approvals/{task.task_id}/"
    assert mail["subject"] == (
        "Approval waiting: acmeoutdoor.example, $50,000, due Thu 2 Jan 2031, 13:00"
    )
    assert link in mail["text"]
    assert f'href="{link}"' in mail["html"]
    for body in (mail["text"], mail["html"]):
        assert body.count("http") == body.count(link)
        assert "Guaranteed: Homepage" in body
        assert "Nothing is decided by opening it." in body
    assert "Acme <b>& Sons</b>" in mail["text"]
    assert "Acme &lt;b&gt;&amp; Sons&lt;/b&gt;" in mail["html"]


@pytest.mark.django_db
def test_the_mail_about_a_change_says_what_would_change(buyer: Buyer, approver: User) -> None:
    task = waiting_change(buyer, sold_buy(buyer, approver))

    mail = staff_notice_body(task)

    assert "change of acmeoutdoor.example, $50,000 → $75,000" in mail["subject"]
    assert "- Budget of Homepage: $50,000 → $75,000" in mail["text"]
    assert "<strong>Budget of Homepage</strong>: $50,000 → $75,000" in mail["html"]
    for body in (mail["text"], mail["html"]):
        assert "A change of a buy waits for your approval" in body
        assert "$75,000 is over the threshold of $10,000" in body
