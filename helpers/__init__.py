"""Loops Generator: one instrument's loop that fits a musician's idea.

Importing this package imports nothing heavy; the door for Python users is :mod:`helpers.pipeline`.
"""

__version__ = "0.2.0"
