"""Opaque identifiers: a prefix that says what it names, and 160 random bits."""

import secrets


def new_id(prefix: str) -> str:
    """Return a fresh, unguessable id such as `mb_4f0c…`."""
    return f"{prefix}_{secrets.token_hex(20)}"


def principal_id() -> str:
    return new_id("agent")


def account_id() -> str:
    return new_id("acc")


def order_reference() -> str:
    return new_id("ord")


def media_buy_id() -> str:
    return new_id("mb")


def package_id() -> str:
    return new_id("pkg")


def context_id() -> str:
    return new_id("ctx")


def proposal_id() -> str:
    return new_id("prop")


def insertion_order_id() -> str:
    return new_id("io")


def change_id() -> str:
    return new_id("chg")


def booking_id() -> str:
    return new_id("bk")
