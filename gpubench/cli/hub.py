"""What ``run`` and ``train`` ask of a hub before they begin."""

from collections.abc import Iterable

from gpubench.cli.packages import hold_packages
from gpubench.suites.hub_names import is_data_name, model_repository, settle


def hold_hub(
    suites: Iterable[str],
    model: str | None,
    data: Iterable[str | None],
    *,
    teacher: str | None = None,
) -> None:
    """Errors for names that cannot be had, and for the library that reads data sets."""
    named = [place for place in data if place is not None and is_data_name(place)]
    if named:
        hold_packages("datasets")
    asked = [*((model, suite) for suite in suites), (teacher, "deit")]
    models = [found for name, suite in asked if (found := model_repository(name, suite))]
    settle(models, named)
