"""memdiag: leak diagnosis for Python programs that know nothing of it.

Importing this costs nothing; the work is behind the command line (``memdiag --help``).
"""

__version__ = "0.1.0"
