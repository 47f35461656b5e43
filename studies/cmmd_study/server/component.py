"""The player and the questions as one Streamlit component: plain JavaScript, joined here, with no build step."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

SCRIPTS = ("outbox.js", "player.js", "rating.js")


def rating(*, token: str, seat: str, texts: dict[str, str], key: str) -> None:
    """Mount it. When there is nothing left for it to show it sets its state `page`, which runs the script again.

    token: the seat's; seat: what the browser keeps unsent answers under, which says nothing to others.
    """
    data = {"token": token, "seat": seat, "base": "", "texts": texts}
    _mounted()(data=data, key=key, on_page_change=_nothing, height="content")


@cache
def source(name: str) -> str:
    """One file of the component."""
    return files("cmmd_study.server").joinpath("web", name).read_text(encoding="utf-8")


@cache
def _mounted() -> Callable[..., Any]:
    import streamlit as st

    return st.components.v2.component(
        "cmmd-bench-rating",
        html='<div class="study" lang=""></div>',
        css=source("rating.css"),
        js="\n".join(source(name) for name in SCRIPTS),
    )


def _nothing() -> None:
    """A state that is read needs a listener."""
