"""The collector leaves the modules alone, and frees cycles nevertheless. In a process of its own: it is set once."""

import subprocess
import sys

PROGRAM = """
import gc, weakref
from shared.platform.garbage_collection import MAX_NEW_OBJECTS, collect_less_often

class Node:
    pass

collect_less_often()
assert gc.get_freeze_count() > 1_000
assert gc.get_threshold()[0] == MAX_NEW_OBJECTS
node = Node()
node.itself = node
gone = weakref.ref(node)
del node
kept = [[] for _ in range(MAX_NEW_OBJECTS + 1)]
assert gone() is None
"""


def test_modules_are_not_searched_and_cycles_are_freed() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
