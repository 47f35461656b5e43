"""The store of a study: what is committed there is safe, and nothing in it is ever changed.

tables     what is stored, for SQLite and PostgreSQL
database   transactions that read and that write
raters     seats: invitation, consent, order, withdrawal
answers    answers: appended, idempotent, chained
"""
