"""A monitor whose alarm looks at a sliding window of latencies, and which keeps no others.

Truth:
    Monitor.latencies is trimmed to 100 floats each time that it has reached 200.
Expect:
    verdict: clean
"""

import random
import sys


class Monitor:
    window_size = 100

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.alarms = 0

    def record(self, latency_ms: float) -> None:
        self.latencies.append(latency_ms * 1000.0)
        if len(self.latencies) >= 2 * self.window_size:
            del self.latencies[: -self.window_size]
        if self.percentile() > 49_000.0:
            self.alarms += 1

    def window(self) -> list[float]:
        return self.latencies[-self.window_size :]

    def percentile(self) -> float:
        window = sorted(self.window())
        return window[len(window) * 95 // 100]


class Service:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.monitor = Monitor()

    def handle(self) -> float:
        latency_ms = self.rng.random() * 50
        self.monitor.record(latency_ms)
        return latency_ms


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    service = Service(59)
    total_ms = sum(service.handle() for _ in range(requests))
    print(f"{requests} requests in {total_ms / 1000:.1f} s, {service.monitor.alarms} alarms")


if __name__ == "__main__":
    main()
