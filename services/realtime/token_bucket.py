"""How much one socket may ask."""

from dataclasses import dataclass


@dataclass
class Bucket:
    """Holds `burst` requests and gains `rate` a second. Times are seconds of any steady clock."""

    rate: float
    burst: int
    left: float
    at: float

    def wait(self, now: float) -> float:
        """Takes one and returns 0, or takes none and returns the seconds until there is one."""
        self.left = min(self.burst, self.left + max(0.0, now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return (1 - self.left) / self.rate
        self.left -= 1
        return 0.0
