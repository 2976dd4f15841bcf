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
