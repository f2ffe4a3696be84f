"""How pytest-xdist distributes the tests among its processes."""

from xdist.scheduler import LoadFileScheduling


class KeepFilesTogether(LoadFileScheduling):  # type: ignore[misc]
    """A file is a unit of work, and so are all end-to-end tests: they share one running stack."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/e2e" if nodeid.startswith("tests/e2e/") else nodeid.split("::")[0]
