"""The model pages: each opens, none deletes, and the catalog can be edited by a salesperson."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from mediabuys.models import Account, MediaBuy, Product, Publisher
from mediabuys.services.delivered_hours import hours_write
from mediabuys.services.stray_delivery import strays_keep
from mediabuys.states import StrayReason
from tasks_hitl.models import Task
from tests.delivery.scripted import NOW, told
from tests.people import Buyer
from tests.trade.orders import approve, book_order, booked_buy, give_creatives, waiting_task
from tests.trade.proposals import make_draft_proposal
from webhooks.services.claims import deliveries_claim

pytestmark = pytest.mark.django_db

OURS = ("mediabuys", "tasks_hitl", "webhooks", "django_celery_beat", "protocol")


def registered() -> Iterator[type[Model]]:
    for model in admin.site._registry:
        if model._meta.app_label in OURS:
            yield model


def address_of(model: type[Model], page: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{page}", args=arguments)


@pytest.fixture
def trade(buyer: Buyer, approver: User) -> MediaBuy:
    """Waiting and booked orders, a notice, a proposal: so that every table has rows."""
    waiting_task(buyer)
    make_draft_proposal(
        principal=buyer.principal, account=buyer.account, products=list(Product.objects.all())
    )
    approved = waiting_task(
        buyer,
        idempotency_key="key-0000000000000002",
        push_notification_config={"url": "http://127.0.0.1:9/hook"},
    )
    approve(approved, approver)
    book_order(approved)
    assert len(deliveries_claim(limit=1)) == 1
    buy = booked_buy(buyer, idempotency_key="key-0000000000000003")
    give_creatives(buy)
    tell_delivery(buy)
    interval = IntervalSchedule.objects.create(every=10, period="seconds")
    PeriodicTask.objects.create(name="Sweep", task="tasks.sweep", interval=interval)
    return buy


def tell_delivery(buy: MediaBuy) -> None:
    """Have an hour told, told otherwise, and told in the wrong currency."""
    rows = [told(buy.packages.get(), version=version) for version in (1, 2)]
    hours_write(rows=rows, told_until=NOW, as_of=NOW, now=NOW)
    wrong = told(buy.packages.get(), currency="EUR")
    strays_keep(strays=[(wrong, StrayReason.CURRENCY)], unreadable=[], now=NOW)


@pytest.mark.parametrize("model", registered(), ids=lambda model: model._meta.label)
def test_each_model_page_opens(
    client: Client, trade: MediaBuy, superuser: User, model: type[Model]
) -> None:
    client.force_login(superuser)

    answers = [client.get(address_of(model, "changelist"))]
    answers.append(client.get(address_of(model, "changelist"), {"q": "acme\x00"}))
    row = model._default_manager.get_queryset().first()
    assert row is not None
    answers.append(client.get(address_of(model, "change", row.pk)))

    expected = {Publisher: {302, 200}, Task: {302, 200}}.get(model, {200})
    assert {answer.status_code for answer in answers} == expected


@pytest.mark.parametrize("model", registered(), ids=lambda model: model._meta.label)
def test_nobody_deletes_anything(
    client: Client, trade: MediaBuy, superuser: User, model: type[Model]
) -> None:
    client.force_login(superuser)
    row = model._default_manager.first()
    assert row is not None
    before = model._default_manager.count()

    answer = client.post(address_of(model, "delete", row.pk), {"post": "yes"})
    client.post(
        address_of(model, "changelist"),
        {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"},
    )

    assert answer.status_code == 403
    assert model._default_manager.count() == before


@pytest.mark.parametrize("model", [MediaBuy, Task, Product, Account])
def test_lists_cost_the_same_however_long(
    client: Client,
    buyer: Buyer,
    superuser: User,
    model: type[Model],
    django_assert_max_num_queries: Any,
) -> None:
    client.force_login(superuser)
    waiting_task(buyer)
    client.get(address_of(model, "changelist"))
    with django_assert_max_num_queries(20) as before:
        client.get(address_of(model, "changelist"))

    for number in range(5):
        waiting_task(buyer, idempotency_key=f"key-{number:016}")

    with django_assert_max_num_queries(len(before.captured_queries)):
        client.get(address_of(model, "changelist"))


def test_a_director_edits_credit_and_nothing_else_moves(
    client: Client, buyer: Buyer, director: User
) -> None:
    client.force_login(director)
    page = address_of(Account, "change", buyer.account.pk)
    forged = {"status": "suspended", "brand_domain": "evil.example", "sandbox": "on"}

    answer = client.post(
        page,
        {
            "name": "Acme",
            "payment_terms": "prepay",
            "credit_limit": "25000",
            "approval_budget_threshold": "",
            "accesses-TOTAL_FORMS": "0",
            "accesses-INITIAL_FORMS": "0",
            **forged,
        },
    )

    assert answer.status_code == 302
    account = Account.objects.get()
    assert (account.name, account.payment_terms, int(account.credit_limit or 0)) == (
        "Acme",
        "prepay",
        25_000,
    )
    assert (account.status, account.brand_domain, account.sandbox) == (
        "active",
        "acmeoutdoor.example",
        False,
    )
    assert account.updated_at > buyer.account.updated_at


def product_form(product: Product, **changes: Any) -> dict[str, Any]:
    """Return the product's page as a browser sends it, with its one price."""
    option = product.pricing_options.get()
    return {
        "name": product.name,
        "description": product.description,
        "delivery_type": product.delivery_type,
        "channels": product.channels,
        "countries": "",
        "category": "",
        "is_live": "on",
        "daily_impressions": "1000",
        "formats": [row.pk for row in product.formats.all()],
        "properties": [row.pk for row in product.properties.all()],
        "pricing_options-TOTAL_FORMS": "1",
        "pricing_options-INITIAL_FORMS": "1",
        "pricing_options-0-id": option.pk,
        "pricing_options-0-product": product.pk,
        "pricing_options-0-pricing_option_id": "usd",
        "pricing_options-0-pricing_model": "cpm",
        "pricing_options-0-currency": "USD",
        "pricing_options-0-fixed_price": "12.5",
        **changes,
    }


def test_a_director_edits_a_product_in_plain_fields(
    client: Client, catalog: dict[str, Product], director: User
) -> None:
    client.force_login(director)
    product = catalog["run-of-site"]

    answer = client.post(
        address_of(Product, "change", product.pk),
        product_form(
            product,
            countries="us, de",
            channels=["display", "ctv"],
            **{
                "pricing_options-0-fixed_price": "",
                "pricing_options-0-floor_price": "8",
                "pricing_options-0-p50": "9.5",
            },
        ),
    )

    assert answer.status_code == 302
    product.refresh_from_db()
    option = product.pricing_options.get()
    assert product.countries == ["US", "DE"]
    assert product.channels == ["display", "ctv"]
    assert product.daily_impressions == 1000
    assert option.fixed_price is None
    assert option.floor_price == 8
    assert option.price_guidance == {"p50": 9.5}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"countries": "USA"}, "write two-letter country codes"),
        ({"pricing_options-0-floor_price": "8"}, "either fixed or has a floor, not both"),
        ({"channels": ["telepathy"]}, "Select a valid choice"),
    ],
)
def test_a_wrong_product_is_refused_in_words(
    client: Client,
    catalog: dict[str, Product],
    director: User,
    wrong: dict[str, Any],
    said: str,
) -> None:
    client.force_login(director)
    product = catalog["run-of-site"]

    answer = client.post(address_of(Product, "change", product.pk), product_form(product, **wrong))

    assert answer.status_code == 200
    assert said in answer.content.decode()
    product.refresh_from_db()
    assert product.daily_impressions == 100_000
    assert product.pricing_options.get().fixed_price == 10


def test_a_job_is_paused_on_its_page(client: Client, trade: MediaBuy, superuser: User) -> None:
    client.force_login(superuser)
    job = PeriodicTask.objects.get(name="Sweep")

    answer = client.post(
        address_of(PeriodicTask, "change", job.pk),
        {"interval": job.interval_id, "crontab": "", "name": "Forged"},
    )

    assert answer.status_code == 302
    job.refresh_from_db()
    assert (job.enabled, job.name) == (False, "Sweep")


def test_roles_do_not_administer_staff(client: Client, director: User) -> None:
    client.force_login(director)
    superusers = User.objects.filter(is_superuser=True).count()

    assert client.get(address_of(User, "changelist")).status_code == 403
    assert (
        client.post(address_of(User, "change", director.pk), {"is_superuser": "on"}).status_code
        == 403
    )

    assert User.objects.filter(is_superuser=True).count() == superusers
    assert Group.objects.filter(name="director").exists()
