"""Packages that minigrad does without until something needs them.

Room: one error for all of them. Below: nothing.
"""


class MissingPackageError(ImportError):
    """What was asked for needs a package that is not installed; the message holds the command that installs it."""
