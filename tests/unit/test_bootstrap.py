"""bootstrap.py in clones of its own: real environments, real pip, no network."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from support import ROOT, until

pytestmark = pytest.mark.programs

PYPROJECT = """
[project]
name = "defer"
requires-python = ">=3.11"
dependencies = ["token-of-defer"]
optional-dependencies = { dev = [], notify = [] }
"""


def make_wheel(directory: Path, version: str = "1.0") -> Path:
    """A package of one module, as an index would serve it."""
    wheel = directory / f"token_of_defer-{version}-py3-none-any.whl"
    info = f"token_of_defer-{version}.dist-info"
    files = {
        "token_of_defer.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: token-of-defer\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for name, text in files.items()}
    record = "".join(f"{name},sha256={digest.decode().rstrip('=')},\n" for name, digest in digests.items())
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(name, text)
    return wheel


def make_source(directory: Path, name: str, version: str, trace: Path) -> Path:
    """The same package as source, which leaves a trace when it is asked for anything."""
    source = directory / f"{name}-{version}.tar.gz"
    folder = f"{name}-{version}"
    project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    files = {
        "pyproject.toml": project,
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "backend.py": f"open({str(trace)!r}, 'w').close()\n",
    }
    with tarfile.open(source, "w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return source


def digest_of(path: Path) -> str:
    return f"--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def make_clone(clone: Path) -> Path:
    """As much of the repository as bootstrap.py looks at, with one locked package that lies beside it."""
    (clone / "scripts").mkdir(parents=True)
    (clone / "requirements").mkdir()
    (clone / ".git").mkdir()
    for name in ("bootstrap.py", "pipsettings.py", "setupguard.py", "setupplace.py", "setupsteps.py"):
        shutil.copy(ROOT / "scripts" / name, clone / "scripts")
    (clone / "pyproject.toml").write_text(PYPROJECT)
    wheel = make_wheel(clone)
    pin = f"token-of-defer @ {wheel.as_uri()} {digest_of(wheel)}\n"
    (clone / "requirements" / "core.lock").write_text(pin)
    (clone / "requirements" / "dev.lock").write_text(pin)
    (clone / "requirements" / "notify.lock").write_text(pin)
    (clone / "requirements" / "locks.hash").write_text("0123456789abcdef\n")
    return clone


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return make_clone(tmp_path / "a clone")


Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A clone whose environment has been made, and how that went: a real set-up takes seconds."""
    clone = make_clone(tmp_path_factory.mktemp("finished") / "clone")
    return clone, bootstrap(clone)


@pytest.fixture
def finished(first: tuple[Path, Done]) -> Path:
    """The same, for tests that copy it."""
    clone, done = first
    assert done.returncode == 0, done.stderr
    return clone


@pytest.fixture
def ready(finished: Path, tmp_path: Path) -> Path:
    """A clone of one's own whose environment has been made."""
    return shutil.copytree(finished, tmp_path / "ready", symlinks=True)


def command(clone: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-I", str(clone / "scripts" / "bootstrap.py"), *arguments]


def bootstrap(clone: Path, *arguments: str, under: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*under, *command(clone, *arguments)], capture_output=True, text=True)


def pretending(clone: Path, pretence: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """bootstrap.py in a process of its own that first runs ``pretence``, with ``path`` for PATH."""
    script = clone / "scripts" / "bootstrap.py"
    code = f"import os, runpy, sys; {pretence}; sys.argv[1:] = []; sys.argv[0] = {str(script)!r}; "
    code += f"runpy.run_path({str(script)!r}, run_name='__main__')"
    environment = {**os.environ, "PATH": path}
    return subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, env=environment)


def stamp(clone: Path) -> Path:
    return clone / ".venv" / "defer-core.stamp"


def test_makes_an_environment_with_what_is_locked_and_says_so_once(first: tuple[Path, Done]) -> None:
    clone, made = first
    python = clone / ".venv" / "bin" / "python"
    assert (made.returncode, made.stdout) == (0, f"{python}\n"), made.stderr
    assert made.stderr.count("\n") == 1
    assert str(clone / ".venv") in made.stderr
    subprocess.run([python, "-I", "-c", "import token_of_defer"], check=True)

    second = bootstrap(clone)
    assert (second.returncode, second.stdout, second.stderr) == (0, f"{python}\n", "")


@pytest.mark.slow
def test_two_at_once_make_one_environment(clone: Path) -> None:
    both = [
        subprocess.Popen(command(clone), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert len({out for out, _ in said}) == 1
    assert sorted(err.count("setting up") for _, err in said) == [0, 1]


@pytest.mark.slow
def test_what_a_killed_builder_left_is_not_taken_for_ready_and_is_redone(clone: Path) -> None:
    for _ in range(9):
        builder = subprocess.Popen(command(clone, "--quiet"), start_new_session=True)
        until((clone / ".venv" / "bin" / "python").exists)
        os.killpg(builder.pid, signal.SIGKILL)
        if builder.wait() == -signal.SIGKILL:
            break
        shutil.rmtree(clone / ".venv")  # a busy machine had let it come to its end
    assert bootstrap(clone, "--check").returncode == 74
    (clone / ".venv" / "half written").touch()

    again = bootstrap(clone)
    assert again.returncode == 0, again.stderr
    assert not (clone / ".venv" / "half written").exists()
    assert bootstrap(clone, "--check").returncode == 0


def test_a_moved_date_alone_costs_a_comparison_and_no_build(ready: Path) -> None:
    os.utime(ready / "pyproject.toml")
    os.utime(ready / "requirements" / "core.lock")
    os.utime(stamp(ready), (1, 1))
    checked = bootstrap(ready, "--check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert stamp(ready).stat().st_mtime_ns > (ready / "pyproject.toml").stat().st_mtime_ns


def test_tool_settings_and_other_extras_do_not_make_it_stale(ready: Path) -> None:
    text = PYPROJECT.replace("dev = []", "dev = ['pytest']") + "\n[tool.ruff]\nline-length = 100\n"
    (ready / "pyproject.toml").write_text(text)
    os.utime(stamp(ready), (1, 1))
    assert bootstrap(ready, "--check").returncode == 0


@pytest.mark.parametrize("changed", ["dependencies", "lock"])
def test_what_it_is_made_from_makes_it_stale(ready: Path, changed: str) -> None:
    if changed == "lock":
        lock = ready / "requirements" / "core.lock"
        lock.write_text(lock.read_text() + "# another\n")
    else:
        (ready / "pyproject.toml").write_text(PYPROJECT.replace("token-of-defer", "token-of-defer>=1"))
    os.utime(stamp(ready), (1, 1))
    stale = bootstrap(ready, "--check")
    assert stale.returncode == 74
    assert stale.stderr.startswith("defer: the Python environment is missing or out of date (run: python3 /")

    renewed = bootstrap(ready)
    assert (renewed.returncode, renewed.stderr.count("\n")) == (0, 1)
    assert bootstrap(ready, "--check").returncode == 0


@pytest.mark.slow
def test_an_environment_whose_python_has_gone_is_made_anew(ready: Path) -> None:
    python = ready / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert bootstrap(ready, "--check").returncode == 74
    assert bootstrap(ready).returncode == 0
    subprocess.run([python, "-I", "-c", "import token_of_defer"], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("extra", ["dev", "notify"])
def test_extras_come_into_the_same_environment(ready: Path, extra: str) -> None:
    assert bootstrap(ready, "--extra", extra, "--check").returncode == 74
    assert bootstrap(ready, "--extra", extra).stdout == f"{ready / '.venv' / 'bin' / 'python'}\n"
    assert bootstrap(ready, "--extra", extra, "--check").returncode == 0
    stamp(ready).unlink()
    assert bootstrap(ready, "--extra", extra, "--check").returncode == 74, "an extra alone is not enough"
    assert bootstrap(ready, "--extra", extra).returncode == 0
    assert bootstrap(ready, "--check").returncode == 0


def test_an_environment_somebody_made_by_hand_is_filled_and_kept(ready: Path) -> None:
    stamp(ready).unlink()
    (ready / ".venv" / "mine").touch()
    assert bootstrap(ready).returncode == 0
    assert (ready / ".venv" / "mine").exists()


def test_a_folder_in_the_way_is_left_alone(clone: Path) -> None:
    (clone / ".venv").mkdir()
    (clone / ".venv" / "letters").touch()
    refused = bootstrap(clone)
    assert refused.returncode == 74
    assert refused.stderr.splitlines()[-1].startswith(f"defer: {clone / '.venv'} is in the way")
    assert [path.name for path in (clone / ".venv").iterdir()] == ["letters"]


@pytest.mark.slow
def test_pip_failing_is_one_line_with_its_reason_and_the_command(clone: Path) -> None:
    (clone / "token_of_defer-1.0-py3-none-any.whl").write_bytes(b"another file under the same name")
    failed = bootstrap(clone, "--quiet")
    assert failed.returncode == 74
    assert failed.stderr.count("\n") == 1
    assert failed.stderr.startswith("defer: could not install what requirements/core.lock names: ")
    assert f"python3 {clone / 'scripts' / 'bootstrap.py'})" in failed.stderr
    assert bootstrap(clone, "--check").returncode == 74


def test_an_old_python_is_told_which_one_is_needed(clone: Path) -> None:
    told = pretending(clone, "sys.version_info = (3, 9, 18, 'final', 0)")
    assert told.returncode == 74
    assert told.stderr.startswith(f"defer: Python 3.11 or newer is needed, this is 3.9 at {sys.executable} (install ")
    assert told.stderr.count("\n") == 1
    assert not (clone / ".venv").exists()


def test_an_old_python_gives_way_to_a_newer_one_on_path(clone: Path, tmp_path: Path) -> None:
    newer = tmp_path / "python3.19"
    newer.write_text('#!/bin/sh\n[ "$2" = -c ] || echo "went on with $*"\n')
    newer.chmod(0o755)
    # What a version manager leaves on PATH for a version that is not there.
    (tmp_path / "python3.20").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "python3.20").chmod(0o755)
    stepped = pretending(clone, "sys.version_info = (3, 9, 18, 'final', 0)", path=str(tmp_path))
    assert stepped.stdout == f"went on with -I {clone / 'scripts' / 'bootstrap.py'}\n"


def test_a_python_without_ensurepip_names_the_package(clone: Path) -> None:
    told = pretending(clone, "sys.modules['ensurepip'] = None")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert told.returncode == 74
    assert f"defer: Python {version} has no ensurepip module (apt-get install python{version}-venv, " in told.stderr


@pytest.fixture
def unprivileged(needs: Callable[..., None]) -> tuple[str, ...]:
    """What to start a process under so that file modes bind it, even if the tests run as root."""
    if os.geteuid() != 0:
        return ()
    needs("setpriv")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--")


@pytest.mark.slow
def test_read_only_code_gets_its_environment_in_the_data_directory(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unprivileged: tuple[str, ...]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    clone.chmod(0o555)
    python = tmp_path / "data" / "defer" / "venv-0123456789abcdef" / "bin" / "python"
    made = bootstrap(clone, under=unprivileged)
    assert (made.returncode, made.stdout) == (0, f"{python}\n"), made.stderr
    assert bootstrap(clone, "--check", under=unprivileged).stdout == f"{python}\n"


def test_read_only_code_and_no_home_is_said(
    clone: Path, monkeypatch: pytest.MonkeyPatch, unprivileged: tuple[str, ...]
) -> None:
    monkeypatch.delenv("HOME")
    clone.chmod(0o555)
    refused = bootstrap(clone, under=unprivileged)
    assert refused.returncode == 74
    assert refused.stderr.startswith(
        f"defer: HOME is not set, and {clone} is read-only: no place for the Python environment "
    )
    assert refused.stderr.count("\n") == 1


def test_a_full_disk_is_one_line(ready: Path) -> None:
    stamp(ready).unlink()
    full = pretending(
        ready,
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)",
        path=os.environ["PATH"],
    )
    assert full.returncode == 74
    assert full.stderr.splitlines()[-1].startswith("defer: ")
    assert "Traceback" not in full.stderr
    assert bootstrap(ready, "--check").returncode == 74


def test_a_script_goes_on_under_the_environment(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = ready / "scripts" / "face.py"
    script.write_text(
        "import os, sys\nsys.path.insert(0, os.path.dirname(__file__))\n"
        "from bootstrap import enter_environment\nenter_environment()\n"
        "import token_of_defer\nprint(sys.argv[1:], sys.stdin.read(), sys.prefix)\n"
    )
    (tmp_path / "token_of_defer.py").write_text("raise SystemExit('the wrong module')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = subprocess.run(
        [sys.executable, script, "a b", "--flag"], input="typed", capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"['a b', '--flag'] typed {ready / '.venv'}\n"


@pytest.mark.slow
@pytest.mark.parametrize("mask", [0o000, 0o027, 0o777], ids=oct)
def test_the_environment_is_as_private_as_the_caller_is_and_of_use_to_its_owner(clone: Path, mask: int) -> None:
    command = [sys.executable, "scripts/bootstrap.py"]
    made = subprocess.run(
        command, cwd=clone, capture_output=True, text=True, preexec_fn=lambda: (os.umask(mask), None)[1]
    )
    assert made.returncode == 0, made.stderr
    # Byte code of our own, too.
    assert [path for path in (clone / "scripts").rglob("*") if path.stat().st_mode & 0o002] == []
    files = [path for path in [clone / ".venv", *(clone / ".venv").rglob("*")] if not path.is_symlink()]
    assert [path for path in files if path.stat().st_mode & 0o002] == []
    # pip gives the programs it makes a mode of its own: what keeps others out is the directory above.
    assert [path for path in files if path.is_dir() and path.stat().st_mode & 0o077 & mask] == []
    assert [path for path in files if path.stat().st_mode & 0o600 != 0o600] == []


@pytest.fixture
def served(ready: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that serves the locked version 2.0 as a wheel and as source, and a program's package as source alone.

    What runs of the sources leaves ``served/trace``. Of the machine's settings of pip, none is left.
    """
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_DIRS", "/nowhere")
    served = ready / "served"
    served.mkdir()
    wheel = make_wheel(served, "2.0")
    source = make_source(served, "token_of_defer", "2.0", served / "trace")
    program = make_source(served, "program", "1.0", served / "trace")
    (served / "requirements.txt").write_text(f"program==1.0 {digest_of(program)}\n")
    (ready / "requirements" / "core.lock").write_text(f"token-of-defer==2.0 {digest_of(wheel)} {digest_of(source)}\n")
    return served


def configure(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)


def assert_set_up(ready: Path) -> None:
    done = bootstrap(ready, "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (ready / "served" / "trace").exists()
    python = ready / ".venv" / "bin" / "python"
    version = subprocess.run([python, "-I", "-c", "import token_of_defer as t; print(t.version)"], capture_output=True)
    assert version.stdout == b"2.0\n"


HOSTILE = {
    "PIP_REQUIREMENT": "{served}/requirements.txt",
    "PIP_NO_BINARY": ":all:",
    "PIP_ONLY_BINARY": ":none:",
    "PIP_CONSTRAINT": "/nowhere",
    "PIP_PYTHON": "{served}/python",
    "PIP_TARGET": "{served}/target",
    "PIP_PREFIX": "{served}/prefix",
    "PIP_ROOT": "{served}/root",
    "PIP_USER": "1",
    "PIP_LOG": "{served}/log",
    "PIP_EDITABLE": "{served}",
    "PIP_GLOBAL_OPTION": "--help",
    "PIP_CONFIG_SETTINGS": "a=b",
    "PIP_PRE": "1",
    "PIP_DRY_RUN": "1",
    "PIP_REPORT": "{served}/report",
    "PYTHONPATH": "{served}",
    "VIRTUAL_ENV": "/nowhere",
}


@pytest.mark.parametrize(
    "names", [["PIP_REQUIREMENT"], ["PIP_NO_BINARY"], ["PIP_PYTHON"], list(HOSTILE)], ids=lambda names: names[-1]
)
def test_no_variable_makes_pip_run_or_place_anything_else(
    ready: Path, served: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", served.as_uri())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    for name in names:
        monkeypatch.setenv(name, HOSTILE[name].format(served=served))
    before = sorted(path.name for path in served.iterdir())
    assert_set_up(ready)
    assert sorted(path.name for path in served.iterdir()) == before


@pytest.mark.parametrize(
    ("place", "section"),
    [(".config/pip", "global"), (".pip", "install"), ("PIP_CONFIG_FILE", "install"), ("XDG_CONFIG_DIRS", "global")],
)
def test_of_pips_configuration_files_only_the_index_counts(
    ready: Path, served: Path, monkeypatch: pytest.MonkeyPatch, place: str, section: str
) -> None:
    hostile = "".join(
        f"{name[4:].lower().replace('_', '-')} = {value.format(served=served)}\n"
        for name, value in HOSTILE.items()
        if name.startswith("PIP_")
    )
    text = f"[{section}]\n{hostile}find-links =\n  /nowhere\n  {served.as_uri()}\nno_index = true\n"
    if place == "PIP_CONFIG_FILE":
        configure(ready / "my" / "pip.ini", text)
        monkeypatch.setenv(place, str(ready / "my" / "pip.ini"))
    elif place == "XDG_CONFIG_DIRS":
        configure(ready / "shared" / "pip" / "pip.conf", text)
        monkeypatch.setenv(place, f"{ready / 'shared'}:/nowhere")
    else:
        configure(Path(os.environ["HOME"]) / place / "pip.conf", text)
    assert_set_up(ready)


def test_what_has_no_wheel_is_refused_and_not_built(ready: Path, served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", served.as_uri())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    shutil.copy(served / "requirements.txt", ready / "requirements" / "core.lock")
    refused = bootstrap(ready, "--quiet")
    assert refused.returncode == 74
    assert "No matching distribution found for program==1.0" in refused.stderr
    assert not (served / "trace").exists()


def test_pip_sees_nothing_else_of_the_environment(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = next((ready / ".venv" / "lib").glob("python3*")) / "site-packages" / "pip" / "__main__.py"
    pip.write_text(
        f"import json, os, sys\njson.dump([sys.argv[1:], {{**os.environ}}], open({str(ready / 'seen')!r}, 'w'))"
    )
    stamp(ready).unlink()
    for name in list(os.environ):
        monkeypatch.delenv(name)
    passed = {
        "HOME": str(ready),
        "https_proxy": "http://proxy:1",
        "NO_PROXY": "localhost",
        "SSL_CERT_FILE": "/c.pem",
        "PIP_INDEX_URL": "https://index/simple",
        "PIP_CERT": "/c.pem",
        "PIP_DEFAULT_TIMEOUT": "5",
        "PIP_RETRIES": "7",
        "PIP_CACHE_DIR": "/cache",
    }
    stopped = {
        "LD_PRELOAD": "",
        "OPENSSL_CONF": "/x",
        "SECRET_TOKEN": "canary",
        "TMPDIR": "/",
        "PATH": ".",
        "BASH_ENV": "x",
    }
    for name, value in {**passed, **stopped, "PIP_KEYRING_PROVIDER": "subprocess", "PYTHONSTARTUP": "x"}.items():
        monkeypatch.setenv(name, value)
    assert bootstrap(ready, "--quiet").returncode == 0
    arguments, seen = json.loads((ready / "seen").read_text())
    seen.pop("LC_CTYPE", None)  # which Python sets itself
    ours = {"PATH": os.defpath, "PIP_CONFIG_FILE": os.devnull, "TMPDIR": str(ready / ".venv" / "defer-scratch")}
    assert seen == {**passed, **ours}
    assert arguments[:1] == ["install"]
    assert arguments[-6:] == [
        *("--no-deps", "--require-hashes", "--only-binary", ":all:"),
        *("--requirement", str(ready / "requirements" / "core.lock")),
    ]
    assert not (ready / ".venv" / "defer-scratch").exists()


def test_a_configuration_of_pips_that_cannot_be_read_is_named(ready: Path) -> None:
    configure(Path(os.environ["HOME"]) / ".config" / "pip" / "pip.conf", "index-url = nowhere\n")
    stamp(ready).unlink()
    refused = bootstrap(ready, "--quiet")
    assert refused.returncode == 74
    assert refused.stderr.startswith(f"defer: {os.environ['HOME']}/.config/pip/pip.conf cannot be read: ")
    assert refused.stderr.count("\n") == 1


def test_the_locks_agree_on_what_they_share() -> None:
    pins = {}
    for lock in ("core", "notify", "mcp", "dev"):
        lines = (ROOT / "requirements" / f"{lock}.lock").read_text().splitlines()
        pins[lock] = dict(line.split(" ")[0].split("==") for line in lines if "==" in line and not line.startswith(" "))
    assert pins["core"].items() <= pins["notify"].items() <= pins["dev"].items()
    assert pins["core"].items() <= pins["mcp"].items() <= pins["dev"].items()
    assert "apprise" in pins["notify"]
    assert "mcp" in pins["mcp"]
