"""The demo publisher, Northern Ledger Media: what `./run` puts into an empty database."""
