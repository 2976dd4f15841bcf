"""Summary: the shape of the package: modules by folder, imports between folders, the longest functions.

Usage: shape.py [CHECKOUT]

CHECKOUT is another checkout of this project, to set a version beside another; this one by default.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ground import ROOT

_LONGEST = 10
_HERE = "(beside them)"


def main(arguments: list[str]) -> int:
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        print(__doc__)
        return 0 if set(arguments) & {"-h", "--help"} else 2
    package = Path(arguments[0] if arguments else ROOT) / "scripts" / "defer"
    modules = sorted(path for path in package.rglob("*.py") if path.name != "__init__.py" or path.parent == package)
    if not modules:
        print(f"not a checkout: nothing is in {package}", file=sys.stderr)
        return 2
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in modules}
    print_folders(package, modules)
    print_imports(package, trees)
    print_functions(package, trees)
    return 0


def folder_of(package: Path, path: Path) -> str:
    return path.relative_to(package).parts[0] if path.parent != package else _HERE


def print_folders(package: Path, modules: list[Path]) -> None:
    """Modules and lines of each folder."""
    print("| folder | modules | lines | longest module |\n|---|---|---|---|")
    for folder in sorted({folder_of(package, path) for path in modules}):
        mine = [path for path in modules if folder_of(package, path) == folder]
        lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in mine}
        longest = max(mine, key=lines.__getitem__)
        print(f"| {folder} | {len(mine)} | {sum(lines.values())} | {longest.name} {lines[longest]} |")
    print(f"\n{len(modules)} modules")


def print_imports(package: Path, trees: dict[Path, ast.Module]) -> None:
    """How many modules of one folder import how many of another."""
    found: Counter[tuple[str, str]] = Counter()
    for path, tree in trees.items():
        reached = {target for target in imported(package, path, tree) if target in trees} - {path}
        found.update((folder_of(package, path), folder_of(package, target)) for target in reached)
    folders = sorted({folder for pair in found for folder in pair})
    print("\n| from ↓ to → | " + " | ".join(folders) + " |\n|---|" + "---|" * len(folders))
    for folder in folders:
        print(f"| {folder} | " + " | ".join(str(found[folder, other] or "") for other in folders) + " |")
    between = sum(count for (one, other), count in found.items() if one != other)
    print(f"\n{found.total()} imports, {between} of them between folders")


def imported(package: Path, path: Path, tree: ast.Module) -> Iterator[Path]:
    """The files that a module's imports may mean."""
    home = ("defer", *path.parent.relative_to(package).parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = home[: len(home) - node.level + 1] if node.level else ()
            module = (*base, *(node.module or "").split(".")) if node.module else base
            for names in (*((*module, name.name) for name in node.names), module):
                if names[:1] == ("defer",):
                    yield package.joinpath(*names[1:]).with_suffix(".py")


def print_functions(package: Path, trees: dict[Path, ast.Module]) -> None:
    """The longest functions, in lines."""
    lengths = {
        f"{path.relative_to(package)}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    print("\n| longest functions | lines |\n|---|---|")
    for name in sorted(lengths, key=lengths.__getitem__, reverse=True)[:_LONGEST]:
        print(f"| {name} | {lengths[name]} |")
    middle = sorted(lengths.values())[len(lengths) // 2]
    print(
        f"\n{len(lengths)} functions, median {middle} lines, {sum(lines > 10 for lines in lengths.values())} above 10"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
