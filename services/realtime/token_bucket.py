"""How much one socket may ask."""

from dataclasses import dataclass


@dataclass
class TokenBucket:
    """Holds `burst` requests and gains `rate` a second. Times are seconds of any steady clock."""

    rate: float
    burst: int
    tokens: float
    updated_at: float

    def take(self, now: float) -> float:
        """Takes one and returns 0, or takes none and returns the seconds until there is one."""
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self.updated_at) * self.rate)
        self.updated_at = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.rate
        self.tokens -= 1
        return 0.0
