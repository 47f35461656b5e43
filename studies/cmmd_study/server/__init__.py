"""What raters meet: pages, player, media and answers, and the page of the study's host.

proof       what a player must show before an answer counts
answering   which answers are taken
texts       what pages say besides the questions, by language
addresses   media addresses that are worth nothing to anybody else
guards      who may ask, how much and how often
routes      the HTTP interface: /api/place, /api/consent, /api/answers, /api/events, /m/...
running     what the pages of this process belong to
app         the Streamlit app with these routes
pages       the rater's pages and the host's
"""
