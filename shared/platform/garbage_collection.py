"""Makes the collector of reference cycles run less often, over fewer objects.

With Python's defaults it took a fifth of the router's processor time while texts were sent: it walked through all
modules and message classes again and again, and paused the process meanwhile.
"""

import gc

MAX_NEW_OBJECTS = 10_000
"""Objects, less those freed since, after which new ones are searched for cycles; 700 by default. A few MB."""


def collect_less_often() -> None:
    """Call it when the modules are imported and the application is made: these objects are never searched again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(MAX_NEW_OBJECTS, *gc.get_threshold()[1:])
