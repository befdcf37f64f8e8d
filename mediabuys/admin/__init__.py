from mediabuys.admin import (
    buys,
    catalog,
    creatives,
    delivery_revisions,
    parties,
    proposals,
    stray_delivery,
    trafficking,
)

__all__ = [
    "buys",
    "catalog",
    "creatives",
    "delivery_revisions",
    "parties",
    "proposals",
    "stray_delivery",
    "trafficking",
]
