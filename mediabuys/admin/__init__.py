from mediabuys.admin import buys, catalog, creatives, parties, proposals, trafficking

__all__ = ["buys", "catalog", "creatives", "parties", "proposals", "trafficking"]
