"""A token cache whose entries expire; what has expired is swept out every 200 iterations.

Truth:
    TokenCache.tokens never holds more than the tokens of the last 800 iterations: 600 that are valid, and those that
    await the next sweep.
Expect:
    verdict: clean
"""

import random
import sys
from hashlib import blake2b


class Token:
    def __init__(self, user: str, expires: int) -> None:
        self.user = user
        self.expires = expires
        self.secret = blake2b(f"{user}/{expires}".encode(), digest_size=16).hexdigest()


class TokenCache:
    lifetime = 600
    sweep_every = 200

    def __init__(self) -> None:
        self.now = 0
        self.tokens: dict[str, Token] = {}

    def tick(self) -> None:
        self.now += 1
        if self.now % self.sweep_every == 0:
            self.tokens = {user: token for user, token in self.tokens.items() if token.expires > self.now}

    def token(self, user: str) -> Token:
        found = self.tokens.get(user)
        if found is None or found.expires <= self.now:
            found = self.tokens[user] = Token(user, self.now + self.lifetime)
        return found


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    rng = random.Random(43)
    cache = TokenCache()
    checksum = 0
    for number in range(requests):
        cache.tick()
        checksum ^= int(cache.token(f"user-{number // 2 - rng.randrange(200)}").secret[:8], 16)
    print(f"{requests} requests, checksum {checksum:08x}")


if __name__ == "__main__":
    main()
