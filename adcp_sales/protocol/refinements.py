"""What a refine request chooses, and what became of each of its entries; reads nothing itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from mediabuys.asks import Ask, Direction, Wish, ask_read
from mediabuys.models import Product, Proposal
from mediabuys.refining import Heard, Refined, Refinement, about, names, say_unheard
from mediabuys.states import ProposalStatus

Entry = Mapping[str, Any]


def entry_id(entry: Entry) -> str:
    """Return the id that the entry is about; empty for the request as a whole."""
    return str(entry.get(f"{entry['scope']}_id", ""))


class Refining:
    """One refine request, read entry by entry.

    `named` and `proposals` are what its entries name, by their ids, and `matching` is what its
    filters let through. After `settle`, `proposals` must be read again.
    """

    def __init__(
        self,
        *,
        entries: Sequence[Entry],
        named: Mapping[str, Product],
        proposals: Mapping[str, Proposal],
        matching: Sequence[Product],
        is_first_page: bool,
    ) -> None:
        self.entries = entries
        self.named = named
        self.proposals = dict(proposals)
        self.matching = list(matching)
        self.is_first_page = is_first_page
        self.heard = [Heard() for _ in entries]
        self.dropped: set[str] = set()
        self._fitting = {product.pk for product in matching}
        self._asks: dict[int, Ask] = {
            index: ask_read(entry["ask"]) for index, entry in enumerate(entries) if "ask" in entry
        }

    def fits(self, pk: int) -> bool:
        """Whether the filters let the product through."""
        return pk in self._fitting

    @property
    def omitted(self) -> frozenset[int]:
        """The products that are to be absent, by pk."""
        return frozenset(
            self.named[entry["product_id"]].pk for _, entry in self._of("product", "omit")
        )

    def refinements(self) -> dict[str, Refinement]:
        """Return what is asked of each draft; drafts of which nothing is asked are left out.

        A draft's own ask comes first, then those of the request. On a later page nothing is asked
        again.
        """
        wide = tuple(self._asks[index] for index, _ in self._of("request"))
        asked = {}
        for index, entry in self._of("proposal", "include"):
            proposal = self.proposals[entry["proposal_id"]]
            held = {row.product_id for row in proposal.allocations.all()}
            own = (self._asks[index],) if index in self._asks else ()
            refinement = Refinement(self.omitted & held, own + wide)
            is_asked = bool(refinement.omitted or refinement.asks)
            if is_asked and self._is_draft(proposal) and self.is_first_page:
                asked[proposal.proposal_id] = refinement
        return asked

    def settle(self, results: Mapping[str, Refined]) -> None:
        """Note what became of each draft, for its own entry and for those of the request."""
        wide = [index for index, _ in self._of("request")]
        for index, entry in self._of("proposal", "include"):
            result = results.get(entry["proposal_id"])
            if result is None:
                continue
            if not result.lines:
                self.dropped.add(entry["proposal_id"])
                self.heard[index].not_done.append(
                    "All of its products are left out, so it is not shown."
                )
                continue
            asks = [*([index] if index in self._asks else []), *wide]
            for its, told in zip(asks, result.heard, strict=True):
                self._tell(its, told, self.proposals[entry["proposal_id"]].name)

    def chosen(self) -> list[int]:
        """Return the pks of the products to list, in order, and note what was chosen how."""
        included = self._included()
        similar = self._similar()
        kept = [
            row.product for proposal in self.kept_proposals() for row in proposal.allocations.all()
        ]
        wide = list(self._of("request"))
        rest = self.matching if wide or not (included or similar or kept) else []
        for index, _ in wide:
            rest = self._wished(rest, self._asks[index], self.heard[index])
        omitted = self._omitted()
        pks = [product.pk for product in (*included, *similar, *rest, *kept)]
        return [pk for pk in dict.fromkeys(pks) if pk not in omitted]

    def kept_proposals(self) -> list[Proposal]:
        """Return the proposals to show, in the entries' order; none on a later page."""
        if not self.is_first_page:
            return []
        included = (entry["proposal_id"] for _, entry in self._of("proposal", "include"))
        return [self.proposals[name] for name in included if name not in self.dropped]

    def applied(self) -> list[dict[str, Any]]:
        """Return `refinement_applied`: one item for each entry, in order."""
        self._note_proposals()
        items = []
        for entry, heard in zip(self.entries, self.heard, strict=True):
            item = {"scope": entry["scope"]}
            if entry["scope"] != "request":
                item[f"{entry['scope']}_id"] = entry_id(entry)
            item["status"] = heard.status
            if heard.notes:
                item["notes"] = heard.notes
            items.append(item)
        return items

    def _of(self, scope: str, action: str = "") -> list[tuple[int, Entry]]:
        return [
            (index, entry)
            for index, entry in enumerate(self.entries)
            if entry["scope"] == scope and action in {"", entry.get("action", "include")}
        ]

    def _included(self) -> list[Product]:
        found = []
        for index, entry in self._of("product", "include"):
            product = self.named[entry["product_id"]]
            if self.fits(product.pk):
                found.append(product)
                self.heard[index].done.append("Listed with its prices of now.")
            else:
                self.heard[index].not_done.append("The filters exclude it.")
            self._say_no_words(index)
        return found

    def _similar(self) -> list[Product]:
        found: list[Product] = []
        for index, entry in self._of("product", "more_like_this"):
            model = self.named[entry["product_id"]]
            like = [product for product in self.matching if _is_like(product, model)]
            found += ([model] if self.fits(model.pk) else []) + like
            heard = self.heard[index]
            if like:
                heard.done.append(f"Also listed: {names(like)}.")
            else:
                heard.not_done.append("Nothing else of its channel and delivery is for sale here.")
            self._say_no_words(index)
        return found

    def _say_no_words(self, index: int) -> None:
        if index in self._asks:
            self.heard[index].not_done.append(
                "The ask was not applied: a product's own terms do not change by words."
            )

    def _omitted(self) -> frozenset[int]:
        firm = {
            row.product_id: proposal.name
            for proposal in self.kept_proposals()
            if not self._is_draft(proposal)
            for row in proposal.allocations.all()
        }
        for index, entry in self._of("product", "omit"):
            pk = self.named[entry["product_id"]].pk
            if pk in firm:
                self.heard[index].done.append("Left out of every draft.")
                self.heard[index].not_done.append(
                    f"“{firm[pk]}” is committed and keeps it, and so it is still listed."
                )
        return self.omitted - firm.keys()

    def _wished(self, products: list[Product], ask: Ask, heard: Heard) -> list[Product]:
        for wish in ask.wishes:
            found = about(wish, products, heard)
            if found:
                products = _ordered(products, wish, found)
                heard.done.append(f"{_done(wish)}: {names(found[:5])}.")
        say_unheard(ask.unheard, heard)
        if ask.budgets and not any(self._is_draft(row) for row in self.kept_proposals()):
            heard.not_done.append(
                "A budget changes proposals only: include one, or send filters.budget_range."
            )
        return products

    def _tell(self, index: int, told: Heard, name: str) -> None:
        heard = self.heard[index]
        if self.entries[index]["scope"] == "proposal":
            heard.done += told.done
            heard.not_done += told.not_done
            return
        heard.done += [f"In “{name}”: {text}" for text in told.done]
        if self._asks[index].budgets:
            heard.not_done += [f"In “{name}”: {text}" for text in told.not_done]

    def _note_proposals(self) -> None:
        for index, entry in self._of("proposal", "include"):
            proposal, heard = self.proposals[entry["proposal_id"]], self.heard[index]
            outside = [
                row.product for row in proposal.allocations.all() if not self.fits(row.product_id)
            ]
            if not self.is_first_page:
                heard.done.append("Answered on the first page.")
            elif outside and proposal.proposal_id not in self.dropped:
                heard.done.append("Shown as it is.")
                heard.not_done.append(f"The filters exclude {names(outside)}, which it keeps.")
            if not self._is_draft(proposal) and index in self._asks:
                heard.not_done.append("The ask was not applied: its terms are firm.")

    @staticmethod
    def _is_draft(proposal: Proposal) -> bool:
        return proposal.status == ProposalStatus.DRAFT


def _is_like(product: Product, model: Product) -> bool:
    return (
        product.pk != model.pk
        and product.delivery_type == model.delivery_type
        and bool(set(product.channels) & set(model.channels))
    )


def _ordered(products: Sequence[Product], wish: Wish, found: Sequence[Product]) -> list[Product]:
    meant = {product.pk for product in found}
    others = [product for product in products if product.pk not in meant]
    if wish.direction is Direction.ONLY:
        return list(found)
    if wish.direction is Direction.WITHOUT:
        return others
    return [*others, *found] if wish.direction is Direction.LESS else [*found, *others]


def _done(wish: Wish) -> str:
    if wish.direction is None:
        return "Listed first"
    return {
        Direction.MORE: "Listed first",
        Direction.LESS: "Listed last",
        Direction.WITHOUT: "Left out of the list",
        Direction.ONLY: "Only listed",
    }[wish.direction]
