"""What a guest's shell prints: of all that a command may hold, `grep` over the files that the guest was given."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch

# As far as SSM keeps it: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CommandPlugin.html
LONGEST_OUTPUT = 2500
_FLAGS = set("onHsE")


def printed(files: Mapping[str, str], lines: list[str]) -> str:
    return "".join(f"{text}\n" for line in lines for text in _ran(files, line))


def _ran(files: Mapping[str, str], line: str) -> Iterator[str]:
    try:
        words = shlex.split(line)
    except ValueError:
        return
    if words[:1] != ["grep"]:
        return
    flags = {letter for word in words[1:] if word.startswith("-") for letter in word[1:]}
    if not {"n", "H", "E"} <= flags <= _FLAGS:
        return
    pattern, *paths = [word for word in words[1:] if not word.startswith("-")]
    for path in (each for wanted in paths for each in sorted(files) if fnmatch(each, wanted)):
        for number, text in enumerate(files[path].splitlines(), start=1):
            found = re.search(pattern, text)
            if found:
                yield f"{path}:{number}:{found.group(0) if 'o' in flags else text}"
