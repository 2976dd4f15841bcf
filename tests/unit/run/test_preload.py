"""A wake that lasts loads all it may need, and goes on where it cannot."""

import shutil
import subprocess
import sys

import pytest

from support import SCRIPTS

pytestmark = pytest.mark.programs

LATER = """
import pathlib, sys
from defer.run import preload; from defer.run import wake as runner
package = pathlib.Path(preload.__file__).parent.parent
{change}
preload._LONG_SECONDS = 0.0
later = preload.AfterAWhile()
assert later.at() is None and later.at() is None
print("defer.sdk" in sys.modules, "defer.commands.doctor" in sys.modules)
"""


@pytest.mark.parametrize(
    ("change", "loaded"),
    [
        ("", "True True"),
        ("package.rename(package.with_name('moved'))", "False False"),
        ("(package / 'commands' / 'doctor.py').write_text('def (')", "True False"),
        ("(package / 'commands' / 'doctor.py').write_text('1 / 0')", "True False"),
    ],
    ids=["as it was", "moved", "half written", "broken"],
)
def test_what_cannot_be_loaded_is_missed_only_by_what_needs_it(tmp_path, change, loaded):
    shutil.copytree(SCRIPTS / "defer", tmp_path / "defer", ignore=shutil.ignore_patterns("__pycache__"))
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{LATER.format(change=change)}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == (loaded, "")
