"""Token bucket: a rate limit that allows bursts."""

from dataclasses import dataclass


@dataclass
class TokenBucket:
    """Holds at most `burst` tokens and gains `rate` a second. Times are seconds of any monotonic clock."""

    rate: float
    burst: int
    tokens: float
    updated_at: float

    @classmethod
    def full(cls, rate: float, burst: int, now: float) -> "TokenBucket":
        return cls(rate, burst, burst, now)

    def take(self, now: float) -> float:
        """Takes a token and returns 0, or takes none and returns the seconds until there is one."""
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self.updated_at) * self.rate)
        self.updated_at = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.rate
        self.tokens -= 1
        return 0.0
