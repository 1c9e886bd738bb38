"""Threads, event loops and signal handlers, which share the interpreter with the probe's own thread."""

from __future__ import annotations

from tests.integration.transparency.comparing import Compare, every_tracer


@every_tracer
def test_threads(compare: Compare) -> None:
    compare.script(
        """
        import queue, sys, threading, time, work
        from concurrent.futures import ThreadPoolExecutor

        jobs, results, never = queue.Queue(), queue.Queue(), threading.Event()

        def worker():
            local = threading.local()
            while (job := jobs.get()) is not None:
                local.last = job
                results.put(job * job)
            results.put(threading.current_thread().name)

        workers = [threading.Thread(target=worker, name=f"worker {n}") for n in range(4)]
        for thread in workers:
            thread.start()
        print(sorted(thread.name for thread in threading.enumerate()), threading.active_count())
        for job in range(100):
            jobs.put(job)
        work.work()
        for thread in workers:
            jobs.put(None)
        for thread in workers:
            thread.join()
        gathered = [results.get() for _ in range(104)]
        print(sum(item for item in gathered if isinstance(item, int)), sorted(map(str, gathered))[-4:])

        def failing():
            raise ValueError("in a thread")

        thread = threading.Thread(target=failing, name="failing")
        thread.start()
        thread.join()
        threading.excepthook = lambda args: print("hook", args.exc_type.__name__, args.thread.name)
        thread = threading.Thread(target=failing, name="failing again")
        thread.start()
        thread.join()
        thread = threading.Thread(target=sys.exit, args=(9,))
        thread.start()
        thread.join()

        with ThreadPoolExecutor(3) as pool:
            print(list(pool.map(lambda n: work.work(1) + n, range(5))))
        timer = threading.Timer(0, print, ["timer"])
        timer.start()
        timer.join()
        for number in range(3):
            threading.Thread(target=never.wait, daemon=True, name=f"daemon {number}").start()

        def churn():
            while True:
                [[n] for n in range(100)]

        threading.Thread(target=churn, daemon=True, name="busy daemon").start()
        threading.Thread(target=lambda: (threading.main_thread().join(), print("outlives main"))).start()
        print([(thread.name, thread.daemon) for thread in threading.enumerate()][1:5], len(sys._current_frames()) >= 6)
        print("main ends")
        """
    )


@every_tracer
def test_asyncio(compare: Compare) -> None:
    compare.script(
        """
        import asyncio, contextvars, os, signal, sys, work

        name = contextvars.ContextVar("name")

        async def child(number):
            name.set(number)
            await asyncio.sleep(0)
            work.work(1)
            return name.get()

        async def serve(reader, writer):
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        async def forgotten():
            raise OSError("never retrieved")

        async def main():
            loop = asyncio.get_running_loop()
            print(await asyncio.gather(*map(child, range(10))))
            received = asyncio.Event()
            loop.add_signal_handler(signal.SIGUSR1, received.set)
            os.kill(os.getpid(), signal.SIGUSR1)
            await asyncio.wait_for(received.wait(), 30)
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            async with server:
                reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
                writer.write(b"hello\\n")
                print(await reader.read())
                writer.close()
            process = await asyncio.create_subprocess_exec("sh", "-c", "cat; exit 3", stdin=-1, stdout=-1)
            print(await process.communicate(b"to a child"), process.returncode)
            print(await loop.run_in_executor(None, work.work))
            print(await asyncio.to_thread(work.work, 2))
            task = asyncio.create_task(asyncio.sleep(60))
            await asyncio.sleep(0)
            task.cancel()
            print(await asyncio.gather(task, return_exceptions=True), len(asyncio.all_tasks()))
            try:
                await asyncio.wait_for(asyncio.sleep(60), 0.01)
            except asyncio.TimeoutError:
                print("timed out")
            task = asyncio.create_task(forgotten())
            await asyncio.sleep(0)
            loop.set_exception_handler(lambda loop, context: print("handler:", context["exception"]))
            del task
            async def numbers():
                for number in range(3):
                    yield number
            print([number async for number in numbers()])
            return "done"

        print(asyncio.run(main()))
        asyncio.run(asyncio.sleep(0), debug=True)
        """
    )


@every_tracer
def test_signal_handlers_run_and_their_exceptions_arrive(compare: Compare) -> None:
    """An exception that a handler raises reaches the program, even if the handler ran inside the probe."""
    plain = compare.script(
        """
        import gc, os, signal, sys, threading, time, work

        class Tick(Exception):
            pass

        class Stop(BaseException):
            pass

        raised = 0

        def tick(number, frame):
            global raised
            raised += 1
            raise (Tick, Stop)[raised % 2]

        def busy():
            ring = [[n] for n in range(300)]
            ring.append(ring)
            gc.collect(raised % 3)

        signal.signal(signal.SIGALRM, tick)
        work.work(1)
        lost = []

        def wait_for(number):
            signal.setitimer(signal.ITIMER_REAL, 0.0005 + number / 1e5)
            while raised < number:
                busy()
            lost.append(number)

        for number in range(1, 201):
            try:
                wait_for(number)
            except (Tick, Stop):
                pass
        print("exceptions raised and lost:", raised, lost)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)

        received = []
        signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
        for _ in range(50):
            os.kill(os.getpid(), signal.SIGINT)
            work.work(1) if not len(received) % 10 else None
        print(len(received), threading.current_thread() is threading.main_thread())

        signal.signal(signal.SIGINT, signal.default_int_handler)
        interrupts = 0
        for _ in range(30):
            try:
                os.kill(os.getpid(), signal.SIGINT)
                busy()
            except KeyboardInterrupt:
                interrupts += 1
        print(interrupts)

        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        signal.signal(signal.SIGUSR2, lambda *_: None)
        os.kill(os.getpid(), signal.SIGUSR2)
        print(os.read(reader, 10) == bytes([signal.SIGUSR2]), signal.set_wakeup_fd(-1) == writer)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        os.kill(os.getpid(), signal.SIGUSR1)
        work.work(2)
        print(sorted(signal.sigpending()), signal.sigwait([signal.SIGUSR1]))
        """
    )
    assert b"exceptions raised and lost: 200 []" in plain.stdout


def test_a_slow_signal_interrupts_system_calls_as_ever(compare: Compare) -> None:
    compare.script(
        """
        import os, signal, socket, threading, time, work
        rang = []
        signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        begun = time.monotonic()
        time.sleep(0.1)
        print(rang, time.monotonic() - begun >= 0.1)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        signal.siginterrupt(signal.SIGALRM, True)
        reader, writer = os.pipe()
        threading.Timer(0.1, os.write, (writer, b"x")).start()
        print(os.read(reader, 1), len(rang))
        signal.signal(signal.SIGPROF, lambda *_: rang.append(2))
        signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)
        while 2 not in rang:
            work.work(1)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print("profiled")
        """
    )
