"""The graph of one example as a flat program over m rows.

Room: the public face of this folder: `compile`, `Program`, `Objective`.
"""
