"""A start or stop overlaps no other call of the native library."""

import threading

from services.session.worker.library.client_lock import NativeClientLock


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_calls_share_the_lock() -> None:
    lock = NativeClientLock()
    with lock.shared(), lock.shared():
        pass


def test_a_start_waits_for_a_call_that_just_began() -> None:
    lock, entered = NativeClientLock(map_access_s=60), threading.Event()

    def start() -> None:
        with lock.exclusive():
            entered.set()

    with lock.shared():
        starter = threading.Thread(target=start)
        starter.start()
        assert not entered.wait(0.1)
    starter.join(10)
    assert entered.is_set()


def test_a_call_waits_behind_a_start_that_waits() -> None:
    lock, entered, order = NativeClientLock(map_access_s=60), threading.Event(), []

    def start() -> None:
        with lock.exclusive():
            order.append("start")

    def call() -> None:
        with lock.shared():
            order.append("call")
            entered.set()

    with lock.shared():
        threads = [threading.Thread(target=start)]
        threads[0].start()
        while not lock._waiting_writers:
            pass
        threads.append(threading.Thread(target=call))
        threads[1].start()
        assert not entered.wait(0.1)
    for thread in threads:
        thread.join(10)
    assert order == ["start", "call"]


def test_a_start_does_not_wait_for_a_call_that_only_waits_for_whatsapp() -> None:
    clock = Clock()
    lock = NativeClientLock(map_access_s=1, clock=clock)
    with lock.shared():
        clock.now += 1.5
        with lock.exclusive():
            pass


def test_two_starts_never_overlap() -> None:
    lock, inside, counts = NativeClientLock(), [], []

    def start() -> None:
        for _ in range(200):
            with lock.exclusive():
                inside.append(1)
                counts.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert set(counts) == {1}
    assert len(counts) == 800


def test_an_error_inside_releases_the_lock() -> None:
    lock = NativeClientLock(map_access_s=60)
    for side in (lock.shared, lock.exclusive):
        try:
            with side():
                raise RuntimeError("inside")
        except RuntimeError:
            pass
    with lock.exclusive():
        pass
