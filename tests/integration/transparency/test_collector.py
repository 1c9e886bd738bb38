"""The collector and the allocators, as the program sees and sets them; objects die when they always die."""

from __future__ import annotations

import pytest

from tests.integration.transparency.comparing import Compare

untraced = pytest.mark.parametrize("tracer", ["none"], indirect=True)


def test_a_collection_finds_the_programs_garbage_and_nothing_else(compare: Compare) -> None:
    compare.script(
        """
        import gc, sys, time, work

        class Node:
            pass

        def make(count):
            for _ in range(count):
                node = Node()
                node.itself = node

        work.work()
        gc.collect()
        gc.disable()
        for count in (0, 1, 100, 1000):
            make(count)
            print(count, gc.collect(), gc.garbage)
        print(gc.isenabled(), gc.get_threshold(), gc.get_debug())

        one = Node()
        holder = [one]
        print(sys.getrefcount(one), len(gc.get_referrers(one)), gc.is_tracked(one), gc.get_referents(holder) == [one])

        gc.set_debug(gc.DEBUG_SAVEALL)
        make(30)
        print(gc.collect(), [type(item).__name__ for item in gc.garbage])
        gc.set_debug(0)
        gc.garbage.clear()
        gc.collect()

        gc.freeze()
        frozen = gc.get_freeze_count()
        gc.unfreeze()
        print(frozen > 0, gc.get_freeze_count())
        make(5000)
        print("disabled:", sum(isinstance(item, Node) for item in gc.get_objects()))
        gc.enable()
        gc.set_threshold(200, 3, 3)
        work.work()
        print(gc.get_threshold(), sum(isinstance(item, Node) for item in gc.get_objects()), gc.garbage)
        """
    )


def test_the_collectors_switch_is_the_programs(compare: Compare) -> None:
    """The probe may rest the collector for its own work, but never so that the program could see it or lose a turn."""
    compare.script(
        """
        import gc, work
        kept = [[n] for n in range(20_000)]
        unexpected = 0
        for _ in range(400_000):
            gc.disable()
            unexpected += gc.isenabled()
            gc.enable()
            unexpected += not gc.isenabled()
        print("switched by somebody else:", unexpected, gc.get_threshold(), work.work())
        """
    )


def test_callbacks_of_the_programs_own(compare: Compare) -> None:
    compare.script(
        """
        import gc, work
        calls = []

        def callback(phase, info):
            calls.append((phase, info["generation"], sorted(info)))

        def failing(phase, info):
            raise ValueError("the program's own error")

        gc.collect()
        gc.disable()
        gc.callbacks.append(callback)
        for generation in (0, 1, 2):
            gc.collect(generation)
        gc.callbacks.remove(callback)
        print(calls, callback in gc.callbacks)
        gc.callbacks.clear()
        gc.enable()
        print(work.work(), gc.callbacks)
        del gc.callbacks[:]
        gc.callbacks = []
        print(work.work())
        """
    )


def test_objects_die_in_their_order(compare: Compare) -> None:
    compare.script(
        """
        import functools, gc, sys, weakref, work

        class Noisy:
            def __init__(self, name):
                self.name = name
                weakref.finalize(self, print, "finalized", name).atexit = False
            def __del__(self):
                print("deleted", self.name)

        def function():
            first, second = Noisy("first local"), Noisy("second local")
            reference = weakref.ref(first, lambda _: print("callback of first local"))
            work.work()
            print("about to return")
            return first.name

        print("returned", function())

        def generator():
            held = Noisy("held by a generator")
            try:
                yield 1
                work.work()
                yield 2
            finally:
                print("generator closed")

        values = generator()
        next(values), next(values)
        del values
        print("after the generator")

        def failing():
            local = Noisy("local of a failed call")
            work.work(2)
            raise KeyError(local.name)

        try:
            failing()
        except KeyError as error:
            print("caught", error)
        print("after the exception")

        def deep(level):
            held = Noisy(f"level {level}")
            return deep(level - 1) if level else work.work(2)

        deep(4)
        values = weakref.WeakValueDictionary(kept=Noisy("weak value"))
        print(list(values))
        resurrected = []

        class Phoenix:
            def __del__(self):
                resurrected.append(self)

        Phoenix()
        print(len(resurrected), sys.getrefcount(resurrected[0]))

        def main():
            local = Noisy("local of main")
            everything = [Noisy(f"item {number}") for number in range(3)]
            for _ in range(20):
                work.work(1)
            print("main ends")

        main()
        print("main ended")
        at_the_end = Noisy("module global")
        """
    )


def test_tracemalloc_in_the_programs_own_hands(compare: Compare) -> None:
    compare.script(
        """
        import linecache, tracemalloc, work
        tracemalloc.start(5)
        kept = [bytes(1000) for _ in range(1000)]
        work.work(2)
        snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, __file__, 3)])
        top = snapshot.statistics("lineno")[0]
        print(top.traceback[0].lineno, top.size > 1_000_000, 1000 <= top.count < 1010, tracemalloc.is_tracing())
        print(tracemalloc.get_object_traceback(kept[5])[-1].lineno)
        tracemalloc.clear_traces()
        print(tracemalloc.get_object_traceback(kept[5]))
        current, peak = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        print(current < 1_000_000, peak >= current)
        tracemalloc.stop()
        print(tracemalloc.is_tracing(), tracemalloc.get_traced_memory())
        work.work(2)
        print(tracemalloc.is_tracing())
        tracemalloc.start()
        block = bytearray(5000)
        print(tracemalloc.is_tracing(), tracemalloc.get_object_traceback(block)[0].lineno)
        print(work.work(2))
        """
    )


@untraced
def test_an_untraced_run_leaves_tracemalloc_alone(compare: Compare) -> None:
    compare.script(
        """
        import tracemalloc, work
        print(tracemalloc.is_tracing(), tracemalloc.get_traced_memory(), work.work())
        tracemalloc.start(7)
        print(tracemalloc.get_traceback_limit())
        """
    )


TRACED = """
import gc, sys, threading, work
seen = []

def watch(frame, event, argument):
    if event != "opcode":
        seen.append((event, frame.f_code.co_name, frame.f_lineno, frame.f_code.co_filename))
    return watch

def watched(level):
    ring = [level]
    ring.append(ring)
    gc.collect()
    return watched(level - 1) if level else work.work(1)

def run(install):
    seen.clear()
    install(watch)
    watched(3)
    install(None)

for _ in range(8):
    work.work(1)
"""


def test_a_debugger_sees_the_program_as_it_is(compare: Compare) -> None:
    compare.script(
        TRACED
        + """
for install in (sys.settrace, sys.setprofile):
    run(install)
    print([event for event in seen if event[3] == __file__])
    print(sys.gettrace(), sys.getprofile(), sys._getframe().f_trace)

def break_in():
    sys._getframe().f_back.f_trace = watch
    sys.settrace(watch)

def debugged():
    before = sys._getframe().f_trace
    break_in()
    total = 1
    sys.settrace(None)
    print(before, total, [event[:3] for event in seen[-3:]])

debugged()
threading.settrace(watch)
seen.clear()
thread = threading.Thread(target=watched, args=(1,))
thread.start()
thread.join()
print(sum(event[3] == __file__ for event in seen))
"""
    )


def test_a_debugger_soon_sees_no_frame_of_the_probes(compare: Compare) -> None:
    """The first collection under it may show some: nothing tells the probe beforehand."""
    compare.script(
        TRACED
        + """
import work as itself
for install in (sys.settrace, sys.setprofile):
    run(install)
    run(install)
    print({event[3] for event in seen} - {__file__, itself.__file__})
"""
    )


def test_recursion_reaches_the_same_depth(compare: Compare) -> None:
    compare.script(
        """
        import gc, sys, threading, work

        def depth(n=1):
            try:
                return depth(n + 1)
            except RecursionError:
                return n

        def collecting(at, n=1):
            if n == at:
                gc.collect()
                return n
            return collecting(at, n + 1)

        most = depth()
        print(most, work.work(), depth())
        print([collecting(most - margin) for margin in (60, 30, 15, 10, 8, 6, 5, 4, 3)])
        sys.setrecursionlimit(400)
        print(depth(), sys.getrecursionlimit())
        thread = threading.Thread(target=lambda: print(depth(), collecting(300)))
        thread.start()
        thread.join()

        class Deep:
            def __repr__(self):
                return repr(self)
        try:
            repr(Deep())
        except RecursionError as error:
            print(error)
        depth_of_nothing = lambda: depth_of_nothing()
        depth_of_nothing()
        """
    )
