"""Starts and stops are alone in the native library."""

import threading

from services.session.worker.library.client_lock import NativeClientLock


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_calls_share_the_gate() -> None:
    gate = NativeClientLock()
    with gate.shared(), gate.shared():
        pass


def test_a_start_waits_for_a_call_that_just_began() -> None:
    gate, entered = NativeClientLock(map_access_s=60), threading.Event()

    def start() -> None:
        with gate.exclusive():
            entered.set()

    with gate.shared():
        starter = threading.Thread(target=start)
        starter.start()
        assert not entered.wait(0.1)
    starter.join(10)
    assert entered.is_set()


def test_a_call_waits_for_a_start_that_waits() -> None:
    gate, entered, order = NativeClientLock(map_access_s=60), threading.Event(), []

    def start() -> None:
        with gate.exclusive():
            order.append("start")

    def call() -> None:
        with gate.shared():
            order.append("call")
            entered.set()

    with gate.shared():
        threads = [threading.Thread(target=start)]
        threads[0].start()
        while not gate._waiting_writers:
            pass
        threads.append(threading.Thread(target=call))
        threads[1].start()
        assert not entered.wait(0.1)
    for thread in threads:
        thread.join(10)
    assert order == ["start", "call"]


def test_a_start_does_not_wait_for_a_call_that_only_waits_for_whatsapp() -> None:
    clock = Clock()
    gate = NativeClientLock(map_access_s=1, clock=clock)
    with gate.shared():
        clock.now += 1.5
        with gate.exclusive():
            pass


def test_two_starts_never_overlap() -> None:
    gate, inside, most = NativeClientLock(), [], []

    def start() -> None:
        for _ in range(200):
            with gate.exclusive():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert set(most) == {1}
    assert len(most) == 800


def test_an_error_inside_opens_the_gate_again() -> None:
    gate = NativeClientLock(map_access_s=60)
    for side in (gate.shared, gate.exclusive):
        try:
            with side():
                raise RuntimeError("inside")
        except RuntimeError:
            pass
    with gate.exclusive():
        pass
