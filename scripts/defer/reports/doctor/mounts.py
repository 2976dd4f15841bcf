"""Which file system a path lies on, by what ``/proc/self/mountinfo`` says (proc(5))."""

from __future__ import annotations

import re
from typing import NamedTuple

NETWORK = {
    *(
        "9p",
        "afs",
        "afpfs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "macfuse",
    ),
    *("ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "webdav"),
    *("fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.glusterfs", "fuse.davfs2", "fuse.gcsfuse", "fuse.goofys"),
    *("fuse.ceph", "fuse.juicefs", "fuse.mount_s3", "fuse.smbnetfs", "fuse.curlftpfs", "fuse.vmhgfs-fuse"),
}
"""The kinds whose files may be changed from elsewhere, or whose locks and times may not be those of a local disk."""

PASSING = {"tmpfs", "ramfs"}
"""The kinds that a reboot empties."""

_ESCAPED = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """Where a file system is mounted, its kind, and what it was mounted from."""

    point: str
    kind: str
    source: str


def parse(text: str) -> list[Mount]:
    """The mounts in the text of a mountinfo, in its order; what is not a line of it is passed over."""
    return [one for one in map(_mount, text.splitlines()) if one is not None]


def _mount(line: str) -> Mount | None:
    front, between, back = line.partition(" - ")
    before, after = front.split(" "), back.split(" ")
    if not between or len(before) < 6 or len(after) < 2:
        return None
    return Mount(_plain(before[4]), after[0], _plain(after[1]))


def _plain(written: str) -> str:
    """A space, tab, newline or backslash stands there as an octal number."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), written)


def of(path: str, mounts: list[Mount]) -> Mount | None:
    """The mount that a full path lies on: the deepest; of two on one point the later one, which covers the other."""
    over = [one for one in mounts if _is_below(path, one.point)]
    return max(enumerate(over), key=lambda pair: (len(pair[1].point), pair[0]))[1] if over else None


def _is_below(path: str, point: str) -> bool:
    return point == "/" or path == point or path.startswith(f"{point}/")
