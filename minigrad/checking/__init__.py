"""Is this derivative right, and if not, what is the slip?

Room: the names that users import. Below: the modules of this package. (The package is not called `check`, for a
module of that name would hide the function.)
"""
