"""Where a buyer wants to hear of something later."""

from django.db import models

from webhooks.encryption import EncryptedTextField


class BuyerChannel(models.Model):
    """The buyer's registered webhook: its destination, and what each notice echoes verbatim."""

    destination = models.ForeignKey(
        "webhooks.Destination", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    operation_id = models.CharField(max_length=255, blank=True)
    push_token = EncryptedTextField(blank=True, default="")

    class Meta:
        abstract = True
