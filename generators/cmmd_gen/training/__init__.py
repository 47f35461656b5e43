"""What the training loops share; each loop itself stands with its model.

session    one training in a folder: exact resume, averages, logs, samples
plan       what decides its numbers
order      what a user asks for, before a preset fills in the rest
processes  one, or several under torchrun: who prepares, and each one's share of a batch
learner    a module with its optimiser, learning rate and running average
rates      learning rates and averaging rates as functions of the step
log        losses as CSV and PNG
alarms     signs that a training goes wrong
"""

from cmmd_gen.training.learner import Learner
from cmmd_gen.training.plan import Plan
from cmmd_gen.training.session import Session

__all__ = ["Learner", "Plan", "Session"]
