"""The rater's pages: consent, then the component for everything with clips, then thanks."""

import hashlib

import streamlit as st

from cmmd_study.journey import Place, find_place
from cmmd_study.server.component import rating
from cmmd_study.server.place_json import spoken
from cmmd_study.server.routes import agree
from cmmd_study.server.running import running
from cmmd_study.server.texts import languages as written
from cmmd_study.server.texts import texts
from cmmd_study.store import raters
from cmmd_study.store.raters import Rater


def rater_page() -> None:
    """The page of the seat whose token the address carries."""
    here = running()
    frozen, token = here.refreshed(), str(st.query_params.get("t", ""))
    with here.database.reading() as connection:
        rater = raters.find(connection, token) if token else None
        place = None if rater is None else find_place(connection, frozen, rater)
    if here.preview:
        st.info(texts(here.language)["preview"])
    if rater is None or place is None:
        words = texts(here.language)
        st.title(words["link_missing_title"])
        st.write(words["link_missing"])
        return
    language = spoken(frozen, rater)
    if place.page == "consent":
        _consent(token)
    elif place.page in ("preflight", "rating"):
        _rating(token, rater, language)
    else:
        _last(place, rater, language)


def _consent(token: str) -> None:
    here = running()
    specification = here.frozen.specification
    languages = sorted(specification.title.languages)
    language = here.language
    if len(languages) > 1:
        # Its label is read before the language is known.
        label = " / ".join(dict.fromkeys(texts(each)["language"] for each in languages))
        named = {each: texts(each)["own_name"] if each in written() else each for each in languages}
        chosen = st.segmented_control(
            label, languages, default=language, format_func=lambda each: named[each], key="language"
        )
        language = str(chosen or language)
    words = texts(language)
    st.title(specification.title[language])
    st.subheader(words["consent_title"])
    st.markdown(specification.consent[language])
    clips, minutes = here.length
    st.markdown(words["facts"].format(clips=clips, minutes=minutes))
    if specification.contact:
        st.text(words["contact"].format(contact=specification.contact))
    agreed = st.checkbox(words["consent_agree"], key="agreed")
    if st.button(words["consent_start"], type="primary", key="continue", width="stretch"):
        if not agreed:
            st.warning(words["consent_needed"])
            return
        agree(here, token, language=language, device={})
        st.rerun()


def _rating(token: str, rater: Rater, language: str) -> None:
    st.html("<style>.stMainBlockContainer { padding-top: 1.5rem; max-width: 80rem; }</style>")
    seat = hashlib.sha256(f"unsent/{token}".encode()).hexdigest()[:12]
    # When it hands over, this script runs again from its top, and the database says which page comes next.
    rating(token=token, seat=seat, texts=dict(texts(language)), key=f"rating-{rater.id}")


def _last(place: Place, rater: Rater, language: str) -> None:
    words = texts(language)
    st.title(words[f"{place.page}_title"])
    st.write(words[place.page])
    if place.page == "thanks":
        st.write(words["thanks_withdraw"].format(code=rater.id))
