"""Who buys from the demo publisher: three agents, and the accounts that they bring."""

from dataclasses import dataclass
from decimal import Decimal

from mediabuys.models import Account, AccountAccess, Principal, Publisher


@dataclass(frozen=True)
class DemoAccount:
    key: str
    name: str
    brand_domain: str
    brand_id: str = ""
    currency: str = "USD"
    credit_limit: int | None = None
    payment_terms: str = "net_30"
    is_sandbox: bool = False


@dataclass(frozen=True)
class DemoBuyer:
    """One agent; its first account is the one that examples use."""

    name: str
    domain: str
    note: str
    accounts: tuple[DemoAccount, ...]


BUYERS = (
    DemoBuyer(
        "Pinnacle Media",
        "pinnacle-media.example",
        "In good standing, with a long history and several brands.",
        (
            DemoAccount("acme", "Acme Outdoor", "acmeoutdoor.example", credit_limit=400_000),
            DemoAccount(
                "brightline",
                "Brightline Bank",
                "brightlinebank.example",
                credit_limit=750_000,
                payment_terms="net_60",
            ),
            DemoAccount(
                "bluebird", "Bluebird Coffee", "bluebirdcoffee.example", credit_limit=80_000
            ),
            DemoAccount("civic", "Civic Voice", "civicvoice.example", payment_terms="prepay"),
            DemoAccount(
                "velo", "Velo Europe", "veloeurope.example", currency="EUR", credit_limit=120_000
            ),
        ),
    ),
    DemoBuyer(
        "Kestrel Trading",
        "kestrel-trading.example",
        "Over its credit limit on Kestrel Tyres; new on Kestrel Tyres Europe.",
        (
            DemoAccount("kestrel", "Kestrel Tyres", "kestreltyres.example", credit_limit=30_000),
            DemoAccount(
                "kestrel_europe",
                "Kestrel Tyres Europe",
                "kestreltyres.example",
                brand_id="kestrel_europe",
                currency="EUR",
                credit_limit=150_000,
            ),
        ),
    ),
    DemoBuyer(
        "Oranje Labs",
        "oranje-labs.example",
        "A sandbox account: orders are booked at once and serve nothing.",
        (
            DemoAccount(
                "oranje", "Oranje Bistro (sandbox)", "oranjebistro.example", is_sandbox=True
            ),
        ),
    ),
)


def buyers_create(publisher: Publisher) -> dict[str, Account]:
    """Create agents and accounts, in the caller's transaction; return the accounts by key."""
    return {
        wanted.key: _account_create(publisher, buyer, owner, wanted)
        for buyer in BUYERS
        for owner in [Principal.objects.create(name=buyer.name, domain=buyer.domain)]
        for wanted in buyer.accounts
    }


def _account_create(
    publisher: Publisher, buyer: DemoBuyer, owner: Principal, wanted: DemoAccount
) -> Account:
    limit = wanted.credit_limit
    account = Account.objects.create(
        publisher=publisher,
        owner=owner,
        name=wanted.name,
        brand_domain=wanted.brand_domain,
        brand_id=wanted.brand_id,
        operator_domain=buyer.domain,
        sandbox=wanted.is_sandbox,
        payment_terms=wanted.payment_terms,
        currency=wanted.currency,
        credit_limit=None if limit is None else Decimal(limit),
    )
    AccountAccess.objects.create(account=account, principal=owner)
    return account
