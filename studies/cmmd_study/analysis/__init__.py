"""From the long table of ratings to findings: pure functions, whatever tool collected the ratings.

from cmmd_study.analysis import analyse

print(analyse(rows, plan, {"aist-v2a": "ground-truth"}).paragraphs)
"""

from cmmd_study.analysis.analyse import Analysis, analyse
from cmmd_study.analysis.contrasts import ClaimTest, Finding
from cmmd_study.analysis.results import Results
from cmmd_study.analysis.screening import Exclusion, Screening

__all__ = ["Analysis", "ClaimTest", "Exclusion", "Finding", "Results", "Screening", "analyse"]
