"""What Streamlit runs for each visit: the rater's page, or the host's under /host.

Nothing of value lives in Streamlit's session: a rater's place is worked out from the database each time.
"""

import streamlit as st

from cmmd_study.server.host_page import host_page
from cmmd_study.server.rater_page import rater_page
from cmmd_study.server.running import running

st.set_page_config(page_title=running().frozen.specification.title[running().language], layout="centered")
st.navigation(
    [
        st.Page(rater_page, title="Study", url_path="rate", default=True),
        st.Page(host_page, title="Host", url_path="host"),
    ],
    position="hidden",
).run()
