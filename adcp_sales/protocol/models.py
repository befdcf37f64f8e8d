"""What the protocol layer remembers: tokens, answered calls and signs of life."""

from django.db import models

from mediabuys.models.accounts import Account, Principal


class ApiToken(models.Model):
    """A buyer agent's bearer token; only the digest of its secret is kept."""

    principal = models.ForeignKey(Principal, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="What uses it, such as “production agent”.")
    prefix = models.CharField(max_length=40, unique=True, editable=False)
    secret_digest = models.BinaryField(max_length=32, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API token"
        verbose_name_plural = "API tokens"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotencyRecord(models.Model):
    """One answered write: the same key again gets the same body.

    Inserted in the transaction of the write itself, so that record and effect stand or fall
    together. `body` is text, because a replay repeats it to the byte.
    """

    principal = models.ForeignKey(Principal, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="+")
    key = models.CharField(max_length=255)
    task = models.CharField(max_length=64)
    request_digest = models.BinaryField(max_length=32)
    status = models.CharField(max_length=20, blank=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "idempotency record"
        constraints = [
            models.UniqueConstraint(
                fields=["principal", "account", "key"],
                name="idempotency_key_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.key}"


class Heartbeat(models.Model):
    """When a part of the deployment last showed that it lives."""

    part = models.CharField(max_length=40, unique=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.part
