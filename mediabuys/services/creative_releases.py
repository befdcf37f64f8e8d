"""Giving creatives back to the library when what they were for is over."""

from mediabuys.models import CreativeAssignment, MediaBuy


def assignments_release(*, buy: MediaBuy) -> list[str]:
    """Take every creative off a buy that is canceled or rejected.

    The creatives stay in the library with their review and can be assigned again. Returns the ids
    that were released, sorted, for the event that ended the buy; none the second time. The caller
    holds the buy's row; two statements, in its transaction.
    """
    released = CreativeAssignment.objects.filter(package__media_buy=buy)
    references = sorted(set(released.values_list("creative_ref", flat=True)))
    if references:
        released.delete()
    return references
