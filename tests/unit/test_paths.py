"""Where the files of this package are found, however it was installed."""

from pathlib import Path

from defer import paths


def test_in_a_clone_they_lie_around_the_package(tmp_path):
    package = tmp_path / "clone" / "scripts" / "defer"
    package.mkdir(parents=True)
    assert paths.root(package) == tmp_path / "clone"


def test_in_a_wheel_they_lie_within_it(tmp_path):
    package = tmp_path / "site-packages" / "defer"
    (package / "data" / "scripts").mkdir(parents=True)
    assert paths.root(package) == package / "data"


def test_all_that_is_named_is_there():
    assert all(path.is_dir() for path in (paths.ROOT, paths.SCRIPTS, paths.EXECUTORS, paths.REFERENCES))
    assert paths.PROJECT.is_file()
    assert paths.CODE == paths.SCRIPTS / "defer" / "paths.py"


def test_the_settings_of_a_clone_lie_beside_its_example():
    assert Path(__file__).resolve().parents[2] / ".env" == paths.SETTINGS
    assert paths.SETTINGS.with_name(".env.example").is_file()


def wheel(prefix: Path, *programs: str) -> Path:
    """A package as an installer lays it out below a prefix, with those programs beside it."""
    package = prefix / "lib" / "python3.12" / "site-packages" / "defer"
    (package / "data" / "scripts").mkdir(parents=True)
    (prefix / "bin").mkdir()
    for name in programs:
        (prefix / "bin" / name).touch()
    return package


def checkout(root: Path) -> Path:
    package = root / "scripts" / "defer"
    package.mkdir(parents=True)
    return package


def test_a_git_directory_beside_the_scripts_makes_a_clone(tmp_path):
    package = checkout(tmp_path / "clone")
    (tmp_path / "clone" / ".git").mkdir()
    assert paths.kind(package) == paths.CLONE == "clone"


def test_so_does_the_file_that_a_worktree_has_in_its_place(tmp_path):
    package = checkout(tmp_path / "tree")
    (tmp_path / "tree" / ".git").write_text("gitdir: /elsewhere\n")
    assert paths.kind(package) == paths.CLONE


def test_scripts_without_git_are_a_copy_also_within_the_clone_of_something_else(tmp_path):
    (tmp_path / "project" / ".git").mkdir(parents=True)
    package = checkout(tmp_path / "project" / ".claude" / "skills" / "defer")
    assert paths.kind(package) == paths.COPY == "copy"


def test_data_beside_the_modules_makes_a_wheel(tmp_path):
    assert paths.kind(wheel(tmp_path / "venv")) == paths.WHEEL == "wheel"


def test_a_waker_starts_the_script_of_a_clone_and_the_program_of_a_wheel(tmp_path):
    package = checkout(tmp_path / "clone")
    scripts = tmp_path / "clone" / "scripts"
    assert (paths.runner(package), paths.front(package)) == (scripts / "run-deferred.sh", scripts / "schedule-task.sh")
    package = wheel(tmp_path / "venv", "defer", "run-deferred")
    programs = tmp_path / "venv" / "bin"
    assert (paths.runner(package), paths.front(package)) == (programs / "run-deferred", programs / "defer")


def test_where_an_installer_left_the_programs_out_the_scripts_take_their_place(tmp_path):
    package = wheel(tmp_path / "venv")
    assert paths.runner(package) == package / "data" / "scripts" / "run-deferred.sh"
