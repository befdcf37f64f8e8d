"""An adapter that was written from the documentation alone keeps the port's rules."""

import ast
from datetime import datetime
from pathlib import Path

import pytest

from mediabuys.adservers.port import AdServer, CreativeState, ReviewState
from mediabuys.adservers.profiles import AdServerProfile
from tests.adservers import third
from tests.adservers.contract import AdServerContract
from tests.adservers.third import Notebook, NotebookAdServer

SOURCE = Path(third.__file__)
LINES_LIMIT = 150


class NotebookWorld(Notebook):
    """The publisher, who writes in the notebook too."""

    def stock(self, product_id: str, daily: int) -> None:
        self.daily[product_id] = daily

    def decide(self, reference: str, review: ReviewState, reason: str = "") -> None:
        told = [one for one in self.reviews if one.reference == reference]
        self.reviews.append(CreativeState(reference, told[-1].revision, review, reason))

    def let_pass(self, until: datetime) -> None:
        raise NotImplementedError


class TestThird(AdServerContract):
    profile = AdServerProfile(reviews_creatives=True, has_inventory=True)

    @pytest.fixture
    def world(self) -> NotebookWorld:
        return NotebookWorld()

    @pytest.fixture
    def server(self, world: NotebookWorld) -> AdServer:
        return NotebookAdServer("Notebook", world)


def test_it_is_short_and_knows_nothing_of_the_product_but_the_port() -> None:
    source = SOURCE.read_text("utf-8")
    imported = {
        name
        for node in ast.walk(ast.parse(source))
        for name in _imports(node)
        if name.partition(".")[0] in ("adcp_sales", "tasks_hitl", "mediabuys", "webhooks", "tests")
    }

    assert len(source.splitlines()) < LINES_LIMIT
    assert imported == {"mediabuys.adservers.port"}


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []
