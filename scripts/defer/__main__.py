"""The interpreter's way in: ``python -I -S scripts/defer/__main__.py FACE [ARGUMENT]…``.

Isolated and without ``site``, which would cost a third of a cold start: the two folders that
count are named here, behind the standard library, and nothing else can put a module in front.
"""

import os
import sys

_scripts = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
_environment = os.path.dirname(os.path.dirname(sys.executable))
_library = f"python{sys.version_info[0]}.{sys.version_info[1]}"
sys.path += [_scripts, os.path.join(_environment, "lib", _library, "site-packages")]

from defer.cli import main  # noqa: E402  (the path comes first)

sys.exit(main(sys.argv[1], sys.argv[2:]))
