"""Who sees what in which order.

williams   rows of treatments, balanced over places and over what follows what
blocks     one section in one rater's order
orders     whole orders: sections, parts of large sets, practice, gold items and repeats
"""

from cmmd_study.design.orders import Design, Section, orders

__all__ = ["Design", "Section", "orders"]
