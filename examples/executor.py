#!/usr/bin/env python3
"""An executor in ten lines of Python: looks whether a task's artifacts are there, and looks again until they are."""

import json
import os
import sys

artifacts = json.load(sys.stdin)["context"]["artifacts"]
missing = [path for path in artifacts if not os.path.exists(path)]
wishes = {"reschedule": "10m"} if missing else {"artifacts": artifacts}
with open(os.environ["DEFER_RESULT_FILE"], "w", encoding="utf-8") as file:
    json.dump({"summary": f"{len(missing)} of {len(artifacts)} missing", **wishes}, file)
print("still missing:" if missing else "all there:", *(missing or artifacts))
