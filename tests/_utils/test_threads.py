"""torch's number of threads is 1 where this package computes, and unchanged everywhere else."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from helpers.processes import in_a_fork

from sklearn_tl._utils import cores, fork_safe, in_threads, n_cores, on_each_core, one_core, threads

N = 3  # torch's number of threads in these tests, on any machine


@pytest.fixture(autouse=True)
def n_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(N)
    yield
    torch.set_num_threads(before)


def in_a_new_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def numbers():
    """Return torch's number of threads in this thread, and in threads that begin now.

    The default is wrong for the moment in which a thread sets its own number.
    """
    with threads._default_changes:
        return torch.get_num_threads(), in_a_new_thread(torch.get_num_threads)


def computed(i=0):
    """Return torch's number of threads after a computation that uses them."""
    (torch.rand(200, 200) @ torch.rand(200, 200)).sum()
    return torch.get_num_threads()


def test_results_come_in_order_while_few_wait():
    taken = []

    def items():
        for i in range(20):
            taken.append(i)
            yield i

    for i, result in enumerate(in_threads(lambda i: 2 * i, items(), 2, ahead=3)):
        assert result == 2 * i
        assert len(taken) <= i + 4
    assert len(taken) == 20


def test_each_thread_computes_on_one_core_and_no_other_notices():
    for n in in_threads(computed, range(20), 4, ahead=4):
        assert n == 1
        assert numbers() == (N, N)
    assert numbers() == (N, N)


def test_each_thread_keeps_to_one_core_when_others_set_another_number():
    def items():
        for i in range(40):
            torch.set_num_threads(2)
            yield i

    assert set(in_threads(computed, items(), 4, ahead=4)) == {1}
    assert numbers() == (2, 2)


@pytest.mark.parametrize("first", [0, 1])
def test_two_maps_at_once_leave_the_number_as_it_was_whichever_ends_first(first):
    maps = [in_threads(computed, range(20), 2, ahead=2) for _ in range(2)]
    for _ in range(3):
        assert [next(one) for one in maps] == [1, 1]
    for one in (maps[first], maps[1 - first]):
        assert set(one) == {1}
        assert numbers() == (N, N)


@pytest.mark.parametrize("first", [0, 1])
def test_maps_that_are_closed_early_leave_the_number_as_it_was(first):
    maps = [in_threads(computed, range(20), 2, ahead=2) for _ in range(2)]
    for one in maps:
        next(one)
    for one in (maps[first], maps[1 - first]):
        one.close()
        assert numbers() == (N, N)


@pytest.mark.parametrize("culprit", ["function", "items"])
def test_maps_that_raise_leave_the_number_as_it_was(culprit):
    def function(i):
        if culprit == "function" and i == 5:
            raise ValueError("of the function")
        return computed()

    def items():
        yield from range(9)
        if culprit == "items":
            raise ValueError("of the items")

    with pytest.raises(ValueError, match=f"of the {culprit}"):
        list(in_threads(function, items(), 2, ahead=2))
    assert numbers() == (N, N)


def test_as_many_images_at_once_as_torch_has_threads_also_beside_another_map():
    together = threading.Barrier(N, timeout=60)

    def function(i):
        together.wait()  # until N threads are here
        return computed()

    other = in_threads(computed, range(20), 2, ahead=2)
    next(other)
    assert list(on_each_core(function, range(2 * N))) == [1] * 2 * N
    # A thread that has not computed yet must not take the 1 of the other map for its own number.
    assert in_a_new_thread(lambda: list(on_each_core(function, range(N)))) == [1] * N
    other.close()


def test_a_thread_that_begins_while_the_default_is_wrong_waits_until_it_is_right():
    began = threading.Event()

    def work():
        began.set()
        with one_core():
            within = computed()
        return within, computed()

    with ThreadPoolExecutor(1) as pool:
        with threads._default_changes:
            in_a_new_thread(lambda: torch.set_num_threads(1))
            future = pool.submit(work)
            began.wait(60)
            in_a_new_thread(lambda: torch.set_num_threads(N))
        assert future.result() == (1, N)


def test_one_core_in_one_core():
    with one_core():
        assert numbers() == (1, N)
        with one_core():
            assert numbers() == (1, N)
        assert numbers() == (1, N)
        assert set(in_threads(computed, range(5), 2, ahead=2)) == {1}
        assert numbers() == (1, N)
    assert numbers() == (N, N)


def test_any_number_of_cores_until_the_block_ends():
    with cores(2):
        assert numbers() == (2, N)
        with one_core():
            assert numbers() == (1, N)
        assert numbers() == (2, N)
    assert numbers() == (N, N)


def test_one_core_ends_with_an_error():
    with pytest.raises(ZeroDivisionError), one_core():
        1 / 0  # noqa: B018
    assert numbers() == (N, N)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_one_core_in_several_threads_that_end_in_any_order(order):
    inside, ends = threading.Barrier(len(order) + 1, timeout=60), [threading.Event() for _ in order]

    def work(i):
        with one_core():
            inside.wait()
            ends[i].wait()
            within = computed()
        return within, computed()

    with ThreadPoolExecutor(len(order)) as pool:
        futures = [pool.submit(work, i) for i in range(len(order))]
        inside.wait()
        try:
            assert numbers() == (N, N)
            for i in order:
                ends[i].set()
                assert futures[i].result() == (1, N)
                assert numbers() == (N, N)
        finally:
            for end in ends:
                end.set()


def test_a_thread_with_a_number_of_its_own_gets_it_back():
    def work():
        torch.set_num_threads(2)
        with one_core():
            pass
        return torch.get_num_threads()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == 2


def _in_a_child():
    found = [numbers()]
    with one_core():
        found.append(computed())
    found.append(set(in_threads(computed, range(5), 2, ahead=2)))
    return [*found, n_cores(), numbers()]


def _threads_of_a_map():
    return len(set(on_each_core(lambda i: threading.get_ident(), range(50))))


def test_a_forked_child_begins_with_the_number_of_its_parent_and_keeps_it():
    assert computed() == N  # with threads that no child will have
    first, *within, cores, last = in_a_fork(_in_a_child)
    assert first == last == (N, N)
    assert within == [1, {1}]
    assert cores == 1
    assert in_a_fork(_threads_of_a_map) == 1


@fork_safe
def _safe_in_a_child(offset, *, factor=1):
    """Compute on one core."""
    return factor * computed() + offset, torch.get_num_threads()


def test_a_fork_safe_function_computes_on_one_core_in_a_fork_only():
    assert _safe_in_a_child(10, factor=100) == (100 * N + 10, N)
    assert in_a_fork(_safe_in_a_child, 10) == (11, 1)
    assert in_a_fork(_in_a_child)[-1] == (N, N)
    assert _safe_in_a_child.__doc__ == "Compute on one core."


def test_a_process_forked_while_a_number_changes_begins_with_a_right_one():
    stop = threading.Event()

    def change():
        while not stop.is_set():
            with one_core():
                pass

    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change)
        try:
            for _ in range(10):
                assert in_a_fork(_in_a_child)[-1] == (N, N)
        finally:
            stop.set()
        changing.result()
