"""An instance counts as connected for less than a second, and not after its connection has changed."""

from services.api.access.connected_instances import CONNECTED_LIFETIME_S, ConnectedInstances


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_instance_is_forgotten_after_its_lifetime() -> None:
    clock = Clock()
    instances = ConnectedInstances(clock)
    instances.begin_read()("acme", "sales")
    assert instances.contains("acme", "sales")
    assert not instances.contains("other", "sales")
    clock.now += CONNECTED_LIFETIME_S
    assert not instances.contains("acme", "sales")


def test_an_instance_whose_connection_changed_is_forgotten() -> None:
    instances = ConnectedInstances(Clock())
    instances.begin_read()("acme", "sales")
    instances.remove("acme", "sales")
    assert not instances.contains("acme", "sales")


def test_what_was_read_before_a_change_is_not_remembered() -> None:
    instances = ConnectedInstances(Clock())
    add = instances.begin_read()
    instances.remove("acme", "sales")
    add("acme", "sales")
    assert not instances.contains("acme", "sales")
