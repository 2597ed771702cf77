"""The graph of one example as a flat program over m rows.

Room: the public face of this folder. In it, from the bottom up:

    instructions   what a program is made of, as data
    lanes, kernels, products   block loops: one operation, or a sum of products, over a block of rows
    machine        runs instructions over columns: `native` (compiled) or `interpreted`
    lower          expressions -> instructions
    listing        instructions as text
    binding        tables of every kind as columns
    nonfinite      which rows gave nan
    plan           what is to be computed, as expressions
    program        `compile`, `Program`
    objective      the loss over a table as a function of the parameters
"""

from minigrad.program.nonfinite import NonFiniteError
from minigrad.program.objective import Objective
from minigrad.program.plan import ProgramError
from minigrad.program.program import Program, compile

__all__ = ["NonFiniteError", "Objective", "Program", "ProgramError", "compile"]
