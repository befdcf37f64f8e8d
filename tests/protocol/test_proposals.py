"""Proposals over REST: offered with a brief, refined, finalized into an insertion order."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.models import (
    Package,
    PricingOption,
    Product,
    Proposal,
    ProposalAllocation,
    Publisher,
)
from mediabuys.services.proposal_revisions import proposal_withdraw
from mediabuys.states import ProposalStatus
from tests.protocol.conftest import Answer, Buyer, ask, order, row_counts
from tests.protocol.test_query_counts import statements

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]

BRIEF = {"buying_mode": "brief", "brief": "people who spend weekends outdoors"}


def briefed(buyer: Buyer, **changes: Any) -> dict[str, Any]:
    answer = ask("get_products", BRIEF | {"account": account(buyer)} | changes, buyer.token)
    assert answer.status == 200, answer.body
    return answer.body


def account(buyer: Buyer) -> dict[str, Any]:
    return {"account_id": buyer.account.account_id}


def refine(buyer: Buyer | None, *entries: dict[str, Any], **changes: Any) -> Answer:
    body = {"buying_mode": "refine", "refine": list(entries), **changes}
    return ask("get_products", body, buyer.token if buyer else None)


def proposal(proposal_id: str, action: str = "include", **more: Any) -> dict[str, Any]:
    return {"scope": "proposal", "proposal_id": proposal_id, "action": action, **more}


def product(product_id: str, action: str = "include", **more: Any) -> dict[str, Any]:
    return {"scope": "product", "product_id": product_id, "action": action, **more}


def ids(body: dict[str, Any], name: str = "proposals") -> list[str]:
    return [item[f"{name[:-1]}_id"] for item in body.get(name, [])]


def shares(body: dict[str, Any]) -> dict[str, Any]:
    """Return the first proposal's percentages, which must sum to exactly 100."""
    lines = body["proposals"][0]["allocations"]
    found = {line["product_id"]: line["allocation_percentage"] for line in lines}
    assert sum(Decimal(str(share)) for share in found.values()) == 100
    return found


def outcomes(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [item["status"] for item in answer.body["refinement_applied"]]


# A brief


def test_a_brief_gets_two_plans_of_listed_products(buyer: Buyer) -> None:
    body = briefed(buyer, filters={"budget_range": {"max": 60_000, "currency": "USD"}})

    balanced, focused = body["proposals"]
    assert balanced["name"] == "Balanced"
    assert balanced["proposal_status"] == "draft"
    assert balanced["description"] == (
        "Balanced: 50 % on Outdoor display and 50 % on CTV evenings."
    )
    assert balanced["brief_alignment"] == "Answers the brief on: spend, weekends, outdoors."
    assert balanced["total_budget_guidance"] == {"recommended": 60_000, "currency": "USD"}
    assert balanced["allocations"] == [
        {
            "product_id": "outdoor-display",
            "allocation_percentage": 50,
            "pricing_option_id": "display-cpm",
            "sequence": 1,
            "rationale": (
                "Non-guaranteed delivery; matches the brief on spend, weekends, outdoors."
            ),
        },
        {
            "product_id": "ctv-evenings",
            "allocation_percentage": 50,
            "pricing_option_id": "ctv-cpm",
            "sequence": 2,
            "rationale": ("Guaranteed delivery; matches the brief on spend, weekends, outdoors."),
        },
    ]
    assert [line["allocation_percentage"] for line in focused["allocations"]] == [70, 30]
    assert "insertion_order" not in balanced
    assert body["cache_scope"] == "account"


def test_the_same_brief_finds_the_same_drafts(buyer: Buyer) -> None:
    first = ids(briefed(buyer))
    before = row_counts()

    again = ids(briefed(buyer))

    assert again == first
    assert row_counts() == before


@pytest.mark.parametrize(
    "changes",
    [{"brief": "outdoors"}, {"filters": {"countries": ["US"]}}, {"account": None}],
)
def test_another_question_gets_another_proposal(buyer: Buyer, changes: dict[str, Any]) -> None:
    first = ids(briefed(buyer))
    body = {name: value for name, value in (BRIEF | changes).items() if value is not None}

    second = ids(ask("get_products", body, buyer.token).body)

    assert len(second) == 2
    assert not {*first} & {*second}


@pytest.mark.parametrize(
    ("body", "is_known"),
    [
        (BRIEF, False),
        ({"buying_mode": "wholesale"}, True),
        (BRIEF | {"filters": {"pricing_currencies": ["GBP"]}}, True),
        (BRIEF | {"filters": {"end_date": "2020-01-01"}}, True),
    ],
)
def test_who_and_what_gets_no_proposal(buyer: Buyer, body: Any, is_known: bool) -> None:
    answer = ask("get_products", body, buyer.token if is_known else None)

    assert answer.status == 200
    assert "proposals" not in answer.body
    assert not Proposal.objects.exists()


def test_a_later_page_has_no_proposals(buyer: Buyer) -> None:
    first = briefed(buyer, pagination={"max_results": 1})
    cursor = first["pagination"]["cursor"]

    second = briefed(buyer, pagination={"max_results": 1, "cursor": cursor})

    assert "proposals" in first
    assert "proposals" not in second


def test_plans_are_in_one_currency(buyer: Buyer) -> None:
    euro = briefed(buyer, filters={"pricing_currencies": ["EUR"]})
    buyer.account.currency = "EUR"
    buyer.account.save()

    accounts_own = briefed(buyer)

    for body in (euro, accounts_own):
        [only] = body["proposals"]
        assert shares(body) == {"hiking-podcast": 100}
        assert only["total_budget_guidance"]["currency"] == "EUR"


def test_the_least_budget_lets_every_line_reach_its_minimum(buyer: Buyer) -> None:
    PricingOption.objects.filter(pricing_option_id="display-cpm").update(
        min_spend_per_package=Decimal("1000.01")
    )

    balanced, focused = briefed(buyer)["proposals"]

    assert balanced["total_budget_guidance"]["min"] == 2000.02
    assert focused["total_budget_guidance"]["min"] == 1428.59


def test_a_plan_over_the_budget_drops_its_weakest_line(buyer: Buyer) -> None:
    PricingOption.objects.filter(pricing_option_id="ctv-cpm").update(
        min_spend_per_package=Decimal(5000)
    )

    body = briefed(buyer, filters={"budget_range": {"max": 6000, "currency": "USD"}})

    assert [len(plan["allocations"]) for plan in body["proposals"]] == [1]
    assert shares(body) == {"outdoor-display": 100}


def test_the_most_is_what_the_flight_can_deliver(buyer: Buyer) -> None:
    Product.objects.filter(product_id="ctv-evenings").update(daily_impressions=100_000)
    start = timezone.now().date() + timedelta(days=30)
    flight = {"start_date": f"{start}", "end_date": f"{start + timedelta(days=9)}"}

    body = briefed(buyer, filters=flight | {"budget_range": {"max": 1_000_000, "currency": "USD"}})

    # Ten days of $4,250 are half of the plan.
    guidance = body["proposals"][0]["total_budget_guidance"]
    assert guidance == {"recommended": 85_000, "max": 85_000, "currency": "USD"}


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"start_date": "2030-02-01", "end_date": "2030-01-31"}, "filters.end_date"),
        ({"budget_range": {"min": 2, "max": 1, "currency": "USD"}}, "filters.budget_range.max"),
    ],
)
def test_ranges_that_end_before_they_begin(
    buyer: Buyer, filters: dict[str, Any], field: str
) -> None:
    answer = ask("get_products", BRIEF | {"filters": filters}, buyer.token)

    assert (answer.status, answer.error["code"], answer.error["field"]) == (
        400,
        "INVALID_REQUEST",
        field,
    )
    assert not Proposal.objects.exists()


@pytest.mark.parametrize("amount", [9e15, 1, 0, 0.001])
def test_odd_budgets_break_nothing(buyer: Buyer, amount: float) -> None:
    filters = {"budget_range": {"max": amount, "currency": "USD"}}

    answer = ask("get_products", BRIEF | {"filters": filters}, buyer.token)

    assert answer.status == 200


# Refine


def test_what_is_included_comes_back_and_what_is_omitted_does_not(buyer: Buyer) -> None:
    answer = refine(buyer, product("ctv-evenings"), product("outdoor-display", "omit"))

    assert outcomes(answer) == ["applied", "applied"]
    assert ids(answer.body, "products") == ["ctv-evenings"]
    named = [(item["scope"], item["product_id"]) for item in answer.body["refinement_applied"]]
    assert named == [("product", "ctv-evenings"), ("product", "outdoor-display")]
    assert answer.body["cache_scope"] == "public"


def test_omitting_alone_lists_everything_else() -> None:
    answer = refine(None, product("outdoor-display", "omit"))

    assert ids(answer.body, "products") == ["ctv-evenings", "hiking-podcast"]


def test_included_products_have_the_prices_of_now() -> None:
    PricingOption.objects.filter(pricing_option_id="ctv-cpm").update(fixed_price=Decimal(40))

    [shown] = refine(None, product("ctv-evenings")).body["products"]

    assert shown["pricing_options"][0]["fixed_price"] == 40


def test_filters_are_absolute() -> None:
    answer = refine(
        None,
        product("ctv-evenings"),
        product("outdoor-display"),
        filters={"channels": ["display"], "is_fixed_price": False},
    )

    assert outcomes(answer) == ["unable", "applied"]
    assert answer.body["refinement_applied"][0]["notes"] == "The filters exclude it."
    [shown] = answer.body["products"]
    options = [option["pricing_option_id"] for option in shown["pricing_options"]]
    assert (shown["product_id"], options) == ("outdoor-display", ["display-auction"])


def test_more_like_this_lists_its_channel_and_delivery(catalog: dict[str, Product]) -> None:
    Product.objects.filter(product_id="hiking-podcast").update(channels=["display"])

    like = refine(None, product("outdoor-display", "more_like_this"))
    nothing_like = refine(None, product("ctv-evenings", "more_like_this"))

    assert ids(like.body, "products") == ["outdoor-display", "hiking-podcast"]
    assert outcomes(like) == ["applied"]
    assert ids(nothing_like.body, "products") == ["ctv-evenings"]
    assert outcomes(nothing_like) == ["unable"]


@pytest.mark.parametrize(
    ("words", "listed", "status"),
    [
        ("more podcasts", ["hiking-podcast", "ctv-evenings", "outdoor-display"], "applied"),
        ("without display", ["ctv-evenings", "hiking-podcast"], "applied"),
        ("less CTV", ["outdoor-display", "hiking-podcast", "ctv-evenings"], "applied"),
        ("Only guaranteed packages.", ["ctv-evenings"], "applied"),
        (
            "Only guaranteed packages. Must include completion above 80%.",
            ["ctv-evenings"],
            "partial",
        ),
        ("don't drop CTV", ["ctv-evenings", "outdoor-display", "hiking-podcast"], "unable"),
        ("no more than 30% CTV", ["ctv-evenings", "outdoor-display", "hiking-podcast"], "unable"),
        ("x", ["ctv-evenings", "outdoor-display", "hiking-podcast"], "unable"),
        ("make it pop", ["ctv-evenings", "outdoor-display", "hiking-podcast"], "unable"),
        ("budget $50,000", ["ctv-evenings", "outdoor-display", "hiking-podcast"], "unable"),
        ("'; DROP TABLE x; --", ["ctv-evenings", "outdoor-display", "hiking-podcast"], "unable"),
    ],
)
def test_an_ask_is_followed_or_said_not_to_be(words: str, listed: list[str], status: str) -> None:
    answer = refine(None, {"scope": "request", "ask": words})

    assert ids(answer.body, "products") == listed
    assert outcomes(answer) == [status]
    assert bool(answer.body["refinement_applied"][0].get("notes"))


def test_what_a_product_is_outranks_what_the_request_asks() -> None:
    answer = refine(None, {"scope": "request", "ask": "no display"}, product("outdoor-display"))

    assert "outdoor-display" in ids(answer.body, "products")


def test_an_omitted_product_leaves_the_proposals_too(buyer: Buyer) -> None:
    Product.objects.filter(product_id="hiking-podcast").update(channels=["podcast"])
    PricingOption.objects.filter(pricing_option_id="podcast-auction").update(currency="USD")
    first = briefed(buyer)["proposals"][0]
    assert len(first["allocations"]) == 3

    answer = refine(buyer, proposal(first["proposal_id"]), product("outdoor-display", "omit"))

    assert outcomes(answer) == ["applied", "applied"]
    assert ids(answer.body) == [first["proposal_id"]]
    assert shares(answer.body) == {"ctv-evenings": 49.9999, "hiking-podcast": 50.0001}
    assert ids(answer.body, "products") == ["ctv-evenings", "hiking-podcast"]
    assert Proposal.objects.count() == 2


def test_a_proposal_of_nothing_is_not_shown(buyer: Buyer) -> None:
    first = ids(briefed(buyer))[0]

    answer = refine(
        buyer,
        proposal(first),
        product("outdoor-display", "omit"),
        product("ctv-evenings", "omit"),
    )

    assert outcomes(answer) == ["unable", "applied", "applied"]
    assert "proposals" not in answer.body
    assert ProposalAllocation.objects.filter(proposal__proposal_id=first).count() == 2


@pytest.mark.parametrize(
    ("words", "expected", "status"),
    [
        ("more CTV", {"ctv-evenings": 60, "outdoor-display": 40}, "applied"),
        ("shift more budget toward TV", {"ctv-evenings": 60, "outdoor-display": 40}, "applied"),
        ("less outdoor display", {"ctv-evenings": 66.6667, "outdoor-display": 33.3333}, "applied"),
        ("drop display", {"ctv-evenings": 100}, "applied"),
        ("only CTV", {"ctv-evenings": 100}, "applied"),
        ("more podcasts", {"ctv-evenings": 50, "outdoor-display": 50}, "unable"),
        ("no CTV, no display", {"outdoor-display": 100}, "partial"),
        ("10% cheaper", {"ctv-evenings": 50, "outdoor-display": 50}, "unable"),
        ("budget of €9,000", {"ctv-evenings": 50, "outdoor-display": 50}, "unable"),
    ],
)
def test_a_proposal_is_asked_to_change(
    buyer: Buyer, words: str, expected: dict[str, Any], status: str
) -> None:
    first = ids(briefed(buyer))[0]

    answer = refine(buyer, proposal(first, ask=words))

    assert outcomes(answer) == [status]
    assert ids(answer.body) == [first]
    assert shares(answer.body) == expected
    again = refine(buyer, proposal(first))
    assert shares(again.body) == expected


def test_a_draft_takes_a_budget_within_its_bounds(buyer: Buyer) -> None:
    PricingOption.objects.filter(pricing_option_id="display-cpm").update(
        min_spend_per_package=Decimal(1000)
    )
    first = ids(briefed(buyer))[0]

    too_low = refine(buyer, proposal(first, ask="budget $1,999"))
    fits = refine(buyer, proposal(first, ask="Total budget 80k USD"))

    assert outcomes(too_low) == ["unable"]
    assert "the least is $2,000" in too_low.body["refinement_applied"][0]["notes"]
    assert outcomes(fits) == ["applied"]
    assert fits.body["proposals"][0]["total_budget_guidance"]["recommended"] == 80_000
    less = refine(buyer, proposal(first, ask="Reduce total by 10%"))
    assert less.body["proposals"][0]["total_budget_guidance"]["recommended"] == 72_000
    assert outcomes(refine(buyer, proposal(first, ask="cut the budget by 99 percent"))) == [
        "unable"
    ]


def test_an_omitted_proposal_is_absent_and_not_gone(buyer: Buyer) -> None:
    first, second = ids(briefed(buyer))

    answer = refine(buyer, proposal(first, "omit"), proposal(second))

    assert ids(answer.body) == [second]
    assert ids(refine(buyer, proposal(first)).body) == [first]


@pytest.mark.parametrize(
    ("entries", "field"),
    [
        ([product("ctv-evenings"), product("ctv-evenings", "omit")], "refine[1]"),
        ([proposal("a"), proposal("b"), proposal("a", "finalize")], "refine[0]"),
        ([proposal("a"), proposal("b"), proposal("a")], "refine[2]"),
        ([proposal("a", "finalize"), product("ctv-evenings")], "refine[1]"),
        ([product("ctv-evenings"), proposal("a", "finalize")], "refine[0]"),
        ([proposal("a", "finalize"), {"scope": "request", "ask": "x"}], "refine[1]"),
        ([proposal("a", "finalize"), proposal("b")], "refine[1]"),
        ([product("ctv-evenings", "finalize")], "refine[0].action"),
        ([{"scope": "product", "id": "ctv-evenings"}], "refine[0].product_id"),
    ],
)
def test_entries_that_contradict_each_other(
    buyer: Buyer, entries: list[dict[str, Any]], field: str
) -> None:
    before = row_counts()

    answer = refine(buyer, *entries)

    assert (answer.status, answer.error["code"]) == (400, "INVALID_REQUEST")
    assert answer.error["field"] == field
    assert row_counts() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"buying_mode": "refine"}, "refine"),
        ({"buying_mode": "refine", "refine": []}, "refine"),
        (
            {"buying_mode": "refine", "brief": "x", "refine": [{"scope": "request", "ask": "x"}]},
            "brief",
        ),
        ({"buying_mode": "wholesale", "refine": [{"scope": "request", "ask": "x"}]}, "refine"),
    ],
)
def test_refine_belongs_to_its_own_mode(body: dict[str, Any], field: str) -> None:
    answer = ask("get_products", body)

    assert (answer.status, answer.error["field"]) == (400, field)


def test_unknown_and_foreign_are_the_same(buyer: Buyer, stranger: Buyer) -> None:
    theirs = ids(briefed(stranger))[0]
    for_no_account = ids(ask("get_products", BRIEF, stranger.token).body)[0]
    withdrawn = ids(briefed(buyer))[1]
    proposal_withdraw(
        proposal_pk=Proposal.objects.get(proposal_id=withdrawn).pk,
        reason="Sold out",
        actor="seller:rep",
        now=timezone.now(),
    )

    for action in ("include", "omit", "finalize"):
        raw = {
            refine(buyer, proposal(name, action)).raw
            for name in (theirs, for_no_account, "prop_unknown", withdrawn)
        }
        assert len(raw) == 1
    answer = refine(buyer, proposal(theirs, "finalize"))
    assert (answer.status, answer.error["code"]) == (404, "PROPOSAL_NOT_FOUND")
    assert answer.error["field"] == "refine[0].proposal_id"
    assert answer.error["recovery"] == "correctable"
    assert Proposal.objects.get(proposal_id=theirs).status == ProposalStatus.DRAFT


def test_a_proposal_for_one_account_is_not_for_another(buyer: Buyer, stranger: Buyer) -> None:
    first = ids(briefed(buyer))[0]
    stranger.account.accesses.create(principal=buyer.principal)

    answer = refine(buyer, proposal(first, "finalize"), account=account(stranger))

    assert answer.error["code"] == "PROPOSAL_NOT_FOUND"


def test_a_proposal_for_an_account_that_was_taken_away_is_gone(buyer: Buyer) -> None:
    first = ids(briefed(buyer))[0]
    buyer.account.accesses.all().delete()

    answer = refine(buyer, proposal(first, "finalize"))

    assert answer.error["code"] == "PROPOSAL_NOT_FOUND"
    assert {*Proposal.objects.values_list("status", flat=True)} == {"draft"}


@pytest.mark.parametrize(
    "text", ["outdoors \u0000", "outdoors \ud800", "outdoors 🏕️ \u202e", "outdoors " * 20_000]
)
def test_odd_briefs_asks_and_ids_break_nothing(buyer: Buyer, text: str) -> None:
    raw = json.dumps(text)
    bodies = [
        '{"buying_mode": "brief", "brief": TEXT}',
        '{"buying_mode": "refine", "refine": [{"scope": "request", "ask": TEXT}]}',
        '{"buying_mode": "refine", "refine": [{"scope": "proposal", "proposal_id": TEXT}]}',
    ]

    answers = [
        ask("get_products", body.replace("TEXT", raw).encode(), buyer.token) for body in bodies
    ]

    assert {answer.status for answer in answers} <= {200, 400, 404}
    for stored in Proposal.objects.all():
        assert len(stored.brief) <= 4000


@pytest.mark.parametrize("product_id", ["nothing", "outdoor-display"])
def test_unknown_products_are_refused_where_they_stand(product_id: str) -> None:
    Product.objects.filter(product_id="outdoor-display").update(is_live=False)

    answer = refine(None, product("ctv-evenings"), product(product_id, "omit"))

    assert (answer.status, answer.error["code"]) == (404, "PRODUCT_NOT_FOUND")
    assert answer.error["field"] == "refine[1].product_id"


@pytest.mark.parametrize("action", ["include", "omit", "finalize"])
def test_proposals_need_credentials(action: str) -> None:
    answer = refine(None, proposal("prop_1", action))

    assert (answer.status, answer.error["code"]) == (401, "AUTH_MISSING")


def test_a_refined_list_has_pages(buyer: Buyer) -> None:
    first = ids(briefed(buyer))[0]
    entries = [{"scope": "request", "ask": "more CTV"}, proposal(first)]

    page = refine(buyer, *entries, pagination={"max_results": 2})
    cursor = page.body["pagination"]["cursor"]
    rest = refine(buyer, *entries, pagination={"max_results": 2, "cursor": cursor})

    assert page.body["pagination"] == {"has_more": True, "total_count": 3, "cursor": cursor}
    assert ids(page.body, "products") + ids(rest.body, "products") == [
        "ctv-evenings",
        "outdoor-display",
        "hiking-podcast",
    ]
    # A page is no second ask: the shares moved once.
    assert shares(page.body) == {"ctv-evenings": 60, "outdoor-display": 40}
    assert shares(refine(buyer, proposal(first)).body) == shares(page.body)
    assert "proposals" not in rest.body


# Finalize


def test_finalizing_answers_with_a_commitment(buyer: Buyer) -> None:
    start = timezone.now().date() + timedelta(days=30)
    flight = {"start_date": f"{start}", "end_date": f"{start + timedelta(days=9)}"}
    budget = {"budget_range": {"min": 20_000, "max": 50_000, "currency": "USD"}}
    first = ids(briefed(buyer, filters=flight | budget))[0]

    answer = refine(buyer, proposal(first, "finalize"))

    assert outcomes(answer) == ["applied"]
    [committed] = answer.body["proposals"]
    stored = Proposal.objects.get(proposal_id=first)
    assert committed["proposal_id"] == first
    assert committed["proposal_status"] == "committed"
    assert committed["insertion_order"] == {
        "io_id": stored.io_id,
        "requires_signature": False,
        "terms": {
            "advertiser": "Acme via pinnacle",
            "publisher": "Summit Media",
            "payment_terms": "net_30",
            "flight_start": f"{start}T00:00:00Z",
            "flight_end": f"{start + timedelta(days=9)}T23:59:59Z",
            "total_budget": {"amount": 50_000, "currency": "USD"},
        },
    }
    assert [line["ext"] for line in committed["allocations"]] == [
        {"adcp_sales": {"unit_price": 5, "currency": "USD"}},
        {"adcp_sales": {"unit_price": 42.5, "currency": "USD"}},
    ]
    assert sorted(ids(answer.body, "products")) == ["ctv-evenings", "outdoor-display"]
    assert answer.body["refinement_applied"] == [
        {"scope": "proposal", "proposal_id": first, "status": "applied"}
    ]


def test_several_are_finalized_in_order(buyer: Buyer) -> None:
    first, second = ids(briefed(buyer))

    answer = refine(buyer, proposal(second, "finalize"), proposal(first, "finalize"))

    assert ids(answer.body) == [second, first]
    assert [item["proposal_id"] for item in answer.body["refinement_applied"]] == [second, first]
    assert {*Proposal.objects.values_list("status", flat=True)} == {"committed"}


def test_finalizing_again_returns_the_same_commitment(buyer: Buyer) -> None:
    first = ids(briefed(buyer))[0]
    once = refine(buyer, proposal(first, "finalize")).body["proposals"]
    PricingOption.objects.update(fixed_price=Decimal(99), floor_price=None)

    again = refine(buyer, proposal(first, "finalize")).body["proposals"]

    assert again == once


def test_a_new_brief_after_a_commitment_gets_a_new_draft(buyer: Buyer) -> None:
    first = ids(briefed(buyer))[0]
    refine(buyer, proposal(first, "finalize"))

    again = ids(briefed(buyer))

    assert len(again) == 2
    assert first not in again


@pytest.mark.parametrize("action", ["include", "finalize"])
def test_an_expired_proposal_says_so(buyer: Buyer, action: str) -> None:
    first, second = ids(briefed(buyer))
    Proposal.objects.filter(proposal_id=second).update(expires_at=timezone.now())

    answer = refine(buyer, proposal(first, action), proposal(second, action))

    assert (answer.status, answer.error["code"]) == (422, "PROPOSAL_EXPIRED")
    assert answer.error["field"] == "refine[1].proposal_id"
    assert {*Proposal.objects.values_list("status", flat=True)} == {"draft"}


def test_what_is_not_for_sale_is_not_committed(buyer: Buyer) -> None:
    first = ids(briefed(buyer))[0]
    Product.objects.filter(product_id="outdoor-display").update(is_live=False)

    answer = refine(buyer, proposal(first, "finalize"))

    assert (answer.status, answer.error["code"]) == (422, "PRODUCT_UNAVAILABLE")
    assert answer.error["field"] == "refine[0].proposal_id"
    assert {*Proposal.objects.values_list("status", flat=True)} == {"draft"}


def test_a_commitment_is_firm(buyer: Buyer) -> None:
    first = ids(briefed(buyer))[0]
    refine(buyer, proposal(first, "finalize"))

    answer = refine(buyer, proposal(first, ask="more CTV"), product("outdoor-display", "omit"))

    assert outcomes(answer) == ["unable", "partial"]
    assert shares(answer.body) == {"ctv-evenings": 50, "outdoor-display": 50}
    assert "outdoor-display" in ids(answer.body, "products")


def test_a_finalize_with_an_ask_does_not_pretend(buyer: Buyer) -> None:
    first = ids(briefed(buyer))[0]

    answer = refine(buyer, proposal(first, "finalize", ask="10% off"))

    assert outcomes(answer) == ["partial"]
    assert "was not applied" in answer.body["refinement_applied"][0]["notes"]


def test_a_draft_for_no_account_is_bound_by_the_account_that_finalizes_it(buyer: Buyer) -> None:
    first = ids(ask("get_products", BRIEF, buyer.token).body)[0]

    answer = refine(buyer, proposal(first, "finalize"), account=account(buyer))

    assert Proposal.objects.get(proposal_id=first).account == buyer.account
    terms = answer.body["proposals"][0]["insertion_order"]["terms"]
    assert terms["advertiser"] == "Acme via pinnacle"


def test_signatures_are_asked_for_from_the_threshold_on(buyer: Buyer) -> None:
    Publisher.objects.update(signature_threshold=Decimal(50_000))
    filters = {"budget_range": {"max": 50_000, "currency": "USD"}}
    first = ids(briefed(buyer, filters=filters))[0]

    answer = refine(buyer, proposal(first, "finalize"))

    assert answer.body["proposals"][0]["insertion_order"]["requires_signature"] is True


def test_from_a_brief_to_a_media_buy(buyer: Buyer) -> None:
    Publisher.objects.update(signature_threshold=Decimal(10_000))
    first = ids(briefed(buyer, filters={"budget_range": {"max": 30_000, "currency": "USD"}}))[0]
    refine(buyer, proposal(first, ask="more CTV"))
    committed = refine(buyer, proposal(first, "finalize")).body["proposals"][0]
    order_body = order(
        buyer,
        proposal_id=first,
        total_budget={"amount": 10_000.01, "currency": "USD"},
        io_acceptance={
            "io_id": committed["insertion_order"]["io_id"],
            "accepted_at": timezone.now().isoformat(),
            "signatory": "Dana Whitfield",
        },
    )
    del order_body["packages"]

    created = ask("create_media_buy", order_body, buyer.token)

    assert created.status == 200, created.body
    lines = Package.objects.values_list("product__product_id", "budget", "unit_price")
    assert {*lines} == {
        ("outdoor-display", Decimal(4000), Decimal(5)),
        ("ctv-evenings", Decimal("6000.01"), Decimal("42.5")),
    }
    assert refine(buyer, proposal(first)).error["code"] == "INVALID_STATE"


# What it costs


def test_what_proposals_cost(buyer: Buyer) -> None:
    body = BRIEF | {"account": account(buyer)}
    first = statements("get_products", body, buyer.token)
    again = statements("get_products", body, buyer.token)

    # token, account, products (6), drafts, allocations
    assert len(again) == 10
    # three inserts, whose rows they became, both drafts read again
    assert len(first) == 15


@pytest.mark.parametrize(
    ("action", "ask_for", "costs"),
    [
        ("include", None, [9, 9]),
        ("include", "more CTV", [16, 17]),
        ("finalize", None, [13, 14]),
    ],
)
def test_what_refining_costs(
    buyer: Buyer, action: str, ask_for: str | None, costs: list[int]
) -> None:
    spent = []
    for number in (1, 2):
        names = ids(briefed(buyer, brief=f"weekends outdoors {number}"))[:number]
        more = {"ask": ask_for} if ask_for else {}
        body = {
            "buying_mode": "refine",
            "refine": [proposal(name, action, **more) for name in names],
        }
        spent.append(len(statements("get_products", body, buyer.token)))

    assert spent == costs
