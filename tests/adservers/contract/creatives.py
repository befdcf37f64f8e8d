"""Rules of creatives: reviewed by revision, and every change of a review is told."""

from mediabuys.adservers.port import AdServer, CreativeRequest, CreativeState, ReviewState
from tests.adservers.contract.base import Rules, World

CREATIVE = "acc_1/banner"


def creative(revision: int = 1, reference: str = CREATIVE) -> CreativeRequest:
    """Return a revision of a creative."""
    return CreativeRequest(
        reference=reference,
        revision=revision,
        advertiser="acme.example",
        name="Spring banner",
        format_id="display_300x250",
        assets={"image": {"url": "https://cdn.example/spring.png"}},
    )


def read_states(server: AdServer, cursor: str = "") -> tuple[list[CreativeState], str]:
    """Read all reviews after a cursor; return them and the cursor after them."""
    states: list[CreativeState] = []
    more = True
    while more:
        page = server.creative_states(cursor)
        states, cursor, more = [*states, *page.states], page.cursor, page.more
    return states, cursor


class NoReviewRules(Rules):
    lacks = "reviews_creatives"

    def test_a_creative_is_approved_at_once(self, server: AdServer) -> None:
        state = server.push_creative(creative())

        assert state == CreativeState(CREATIVE, 1, ReviewState.APPROVED)
        states, cursor = read_states(server)
        assert states == []
        assert read_states(server, cursor) == ([], cursor)


class ReviewRules(Rules):
    needs = "reviews_creatives"

    def test_a_creative_waits_for_its_review(self, server: AdServer) -> None:
        first = server.push_creative(creative())

        again = server.push_creative(creative())

        assert first == again == CreativeState(CREATIVE, 1, ReviewState.PENDING)
        assert read_states(server)[0] in ([], [first])

    def test_each_decision_is_told_once_after_its_cursor(
        self, server: AdServer, world: World
    ) -> None:
        server.push_creative(creative())
        server.push_creative(creative(reference="acc_1/film"))
        _, before = read_states(server)

        world.decide(CREATIVE, ReviewState.APPROVED)
        told, after = read_states(server, before)
        later, _ = read_states(server, after)

        assert told == [CreativeState(CREATIVE, 1, ReviewState.APPROVED)]
        assert later == []
        assert read_states(server, before)[0] == told

    def test_everything_is_told_from_the_very_beginning(
        self, server: AdServer, world: World
    ) -> None:
        for reference in ("acc_1/banner", "acc_1/film"):
            server.push_creative(creative(reference=reference))
            world.decide(reference, ReviewState.APPROVED)

        states, _ = read_states(server)

        newest = {state.reference: state.review for state in states}
        assert newest == dict.fromkeys(("acc_1/banner", "acc_1/film"), ReviewState.APPROVED)

    def test_an_approval_may_be_revoked_with_a_reason(self, server: AdServer, world: World) -> None:
        server.push_creative(creative())
        world.decide(CREATIVE, ReviewState.APPROVED)
        _, cursor = read_states(server)

        world.decide(CREATIVE, ReviewState.REJECTED, "It plays sound.")
        told, _ = read_states(server, cursor)

        assert told == [CreativeState(CREATIVE, 1, ReviewState.REJECTED, "It plays sound.")]
        assert server.push_creative(creative()) == told[0]

    def test_a_newer_revision_is_reviewed_anew(self, server: AdServer, world: World) -> None:
        server.push_creative(creative())
        world.decide(CREATIVE, ReviewState.REJECTED, "It plays sound.")

        newer = server.push_creative(creative(revision=2))

        assert newer == CreativeState(CREATIVE, 2, ReviewState.PENDING)

    def test_an_older_revision_of_a_creative_changes_nothing(
        self, server: AdServer, world: World
    ) -> None:
        server.push_creative(creative(revision=2))
        world.decide(CREATIVE, ReviewState.APPROVED)

        late = server.push_creative(creative(revision=1))

        assert late == CreativeState(CREATIVE, 2, ReviewState.APPROVED)
