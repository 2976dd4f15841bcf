"""File systems as `/proc/self/mountinfo` tells of them."""

from __future__ import annotations

from defer.reports.doctor import mounts
from defer.reports.doctor.mounts import Mount

TEXT = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
25 22 0:5 / /proc rw,nosuid - proc proc rw
40 22 0:44 / /home rw,relatime shared:20 master:3 - nfs4 filer:/export/home rw,vers=4.2
41 40 0:45 / /home/me/with\040space rw - ext4 /dev/sdb1 rw
42 22 0:46 / /run rw - tmpfs tmpfs rw
43 42 0:47 / /run rw - fuse.sshfs me@host:/srv rw
not a line of it
44 22 0:48 / /short
"""


def test_the_deepest_mount_counts_and_of_two_on_one_point_the_later() -> None:
    known = mounts.parse(TEXT)
    assert len(known) == 6
    assert mounts.of("/home/you/data", known) == Mount("/home", "nfs4", "filer:/export/home")
    assert mounts.of("/home/me/with space/x", known) == Mount("/home/me/with space", "ext4", "/dev/sdb1")
    assert mounts.of("/homeless", known) == Mount("/", "ext4", "/dev/sda1")
    assert mounts.of("/run/x", known) == Mount("/run", "fuse.sshfs", "me@host:/srv")
    assert mounts.of("/run", known[:1]) == Mount("/", "ext4", "/dev/sda1")
    assert mounts.of("/x", []) is None
