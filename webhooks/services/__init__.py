"""Every verb that changes the outbox."""

from webhooks.services.deliveries import delivery_enqueue, new_idempotency_key
from webhooks.services.destinations import destination_upsert

__all__ = ["delivery_enqueue", "destination_upsert", "new_idempotency_key"]
