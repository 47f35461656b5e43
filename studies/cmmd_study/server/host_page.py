"""The host's page: how far the study is, and how raters do; never which system is which before the study is closed."""

import hmac

import streamlit as st

from cmmd_study.server.running import Running, running
from cmmd_study.status import Status, status


def host_page() -> None:
    """Progress behind the token in the study's folder."""
    here = running()
    if not _entered(here):
        return
    with here.database.reading() as connection:
        found = status(connection, here.refreshed())
    _progress(found)


def _entered(here: Running) -> bool:
    st.title("Study")
    given = st.text_input("Token (in the file admin-token of the study's folder)", type="password", key="host-token")
    if not given:
        return False
    if not hmac.compare_digest(given.encode(), here.admin_token.encode()):
        st.error("This is not the token.")
        return False
    return True


def _progress(found: Status) -> None:
    columns = st.columns(4)
    for column, (label, value) in zip(columns, found.counts.items(), strict=False):
        column.metric(label, value)
    st.progress(found.share, text=f"{found.answers} of {found.expected} answers")
    st.subheader("Raters")
    rows = [rater.as_row() for rater in found.raters]
    st.dataframe([{name: "" if v is None else str(v) for name, v in row.items()} for row in rows], hide_index=True)
    st.caption("Systems are not named here: whoever runs a study should not see who is winning before it is closed.")
    if st.button("Refresh"):
        st.rerun()
