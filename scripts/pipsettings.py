"""Which settings pip gets when it sets up the Python environment: where packages lie, and how to get there.

pip takes options from its command line, its configuration files and ``PIP_`` variables, and combines many of
them: a ``requirement`` or ``no-binary`` in a file or variable makes pip build, and so run, what no lock file names.
So pip gets an environment that is made here, and no configuration file. Only settings for an index, a proxy, a
certificate, a cache or a time-out pass. None of these can bring in other packages: the lock file has their hashes.
"""

import configparser
import os
import sys

INDEX = ("index-url", "extra-index-url", "find-links", "no-index", "trusted-host")
NETWORK = ("cert", "client-cert", "proxy", "timeout", "default-timeout", "retries")
CACHE = ("cache-dir", "no-cache-dir")
PASSED = frozenset(INDEX + NETWORK + CACHE)
"""The options of pip that pass, by their long names, from ``PIP_`` variables and configuration files alike."""

VARIABLES = frozenset(
    # HOME holds pip's cache, and .netrc the password of an index. The rest is what requests and OpenSSL look at.
    (
        *("HOME", "XDG_CACHE_HOME", "NETRC", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    )
)
"""Other variables that pass."""


class Unreadable(Exception):
    """A configuration file of pip's cannot be read; the text names it."""


def environment(environ: "dict[str, str]") -> "dict[str, str]":
    """The whole environment of a step that makes the Python environment. Raises Unreadable.

    ``PATH`` is the system's: pip asks programs found there (rustc, lsb_release) who they are.
    """
    options = {**_configured(environ), **_from_variables(environ)}
    return {
        **{name: value for name, value in environ.items() if name in VARIABLES},
        "PATH": os.defpath,
        "PIP_RETRIES": "2",
        **{"PIP_" + name.upper().replace("-", "_"): value for name, value in options.items()},
        "PIP_CONFIG_FILE": os.devnull,
    }


def _from_variables(environ: "dict[str, str]") -> "dict[str, str]":
    named = {_option(name[4:]): value for name, value in environ.items() if name.startswith("PIP_")}
    return {name: value for name, value in named.items() if name in PASSED}


def _option(name: str) -> str:
    """An option's long name, as pip reads it from any source."""
    name = name.lower().replace("_", "-")
    return name[2:] if name.startswith("--") else name


def _configured(environ: "dict[str, str]") -> "dict[str, str]":
    """The settings in pip's configuration files that pass: a later file wins, and ``[install]`` over ``[global]``."""
    found = {"global": {}, "install": {}}  # type: dict[str, dict[str, str]]
    for path in filter(os.path.isfile, _files(environ)):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise Unreadable("{} cannot be read: {}".format(path, " ".join(str(error).split()))) from None
        for section in filter(parser.has_section, found):
            found[section].update((_option(name), value) for name, value in parser.items(section) if value)
    return {name: value for name, value in {**found["global"], **found["install"]}.items() if name in PASSED}


def _files(environ: "dict[str, str]") -> "list[str]":
    """pip's configuration files, as its documentation names them, the one that wins last."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = environ.get("HOME") or os.path.expanduser("~")
    config = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    users = [os.path.join(home, ".pip"), os.path.join(config, "pip")]
    if sys.platform == "darwin":
        shared = ["/Library/Application Support/pip"]
        users.append(os.path.join(home, "Library", "Application Support", "pip"))
    else:
        shared = [os.path.join(part, "pip") for part in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")]
        shared.append("/etc")
    folders = shared if named and os.path.exists(named) else shared + users
    return [os.path.join(folder, "pip.conf") for folder in folders] + ([named] if named else [])
