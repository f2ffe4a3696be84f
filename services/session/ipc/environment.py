"""Environment variables that the supervisor sets for its zygotes and their workers."""

NOISE_ROOT_VARIABLE = "WA_SIMULATED_NOISE_ROOT"
"""Only of the simulated network: the simulator's root key, hexadecimal."""
