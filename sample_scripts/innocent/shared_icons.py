"""Windows that share icons through a WeakValueDictionary: an icon lives as long as a window shows it.

Truth:
    Icons.loaded loses an Icon when the last window that shows it is closed; 80 windows are open at most, hence there
    are no more than 80 Icon objects, though the names never repeat for long.
Expect:
    verdict: clean
"""

import random
import sys
from collections import deque
from weakref import WeakValueDictionary


class Icon:
    def __init__(self, name: str) -> None:
        self.name = name
        self.pixels = bytes(name, "ascii") * 20


class Icons:
    def __init__(self) -> None:
        self.loaded: WeakValueDictionary[str, Icon] = WeakValueDictionary()
        self.loads = 0

    def get(self, name: str) -> Icon:
        icon = self.loaded.get(name)
        if icon is None:
            self.loads += 1
            icon = self.loaded[name] = Icon(name)
        return icon


class Window:
    def __init__(self, title: str, icon: Icon) -> None:
        self.title = title
        self.icon = icon


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
    rng = random.Random(41)
    icons = Icons()
    windows: deque[Window] = deque(maxlen=80)
    pixels = 0
    for number in range(count):
        icon = icons.get(f"icon-{number // 40}-{rng.randrange(30)}")
        windows.append(Window(f"window {number}", icon))
        pixels += len(windows[0].icon.pixels)
    print(f"{count} windows, {icons.loads} icons loaded, {pixels} pixels")


if __name__ == "__main__":
    main()
