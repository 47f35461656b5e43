"""Synthetic raters that answer a study through its HTTP interface, to try it out and to show what screening catches.

opinions   what a rater of each kind thinks of a stimulus
visit      one rater's way through the study, with the patience of a page
simulate   many of them at once, against a server of their own
"""
