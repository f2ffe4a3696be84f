"""Settings of organizations and instances in request bodies."""

from pydantic import ConfigDict, ValidationError

from services.api.problems import validation_problem
from shared.contracts.errors import Problem
from shared.contracts.opening_hours import OpeningHours


class OpeningHoursBody(OpeningHours):
    model_config = ConfigDict(frozen=True, extra="forbid")


def settings_problem(error: ValidationError, path: str) -> Problem:
    """For settings that contradict those that are stored. `path`: of the request, whose body has them in `settings`."""
    errors = error.errors()
    for each in errors:
        each["loc"] = ("body", "settings", *each["loc"])
    return validation_problem(path, errors)
