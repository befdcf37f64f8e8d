"""The server that lies, one for each module: every test gets it with nothing said and asked."""

from collections.abc import Iterator

import pytest

from tests.adservers.liar import Liar, lying


@pytest.fixture(scope="module")
def one_liar() -> Iterator[Liar]:
    with lying() as liar:
        yield liar


@pytest.fixture
def liar(one_liar: Liar) -> Liar:
    one_liar.status, one_liar.body, one_liar.headers, one_liar.seconds = 200, b"", {}, 0
    one_liar.asked.clear()
    return one_liar
