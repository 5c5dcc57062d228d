"""Watchers of sessions for tests that look at something else."""


class Nobody:
    """Hears everything and does nothing."""

    def began(self, step, remaining, seconds_left):
        pass

    def stage(self, name, done, of):
        pass

    def sampled(self, latest):
        pass

    def measured(self, measurement):
        pass

    def ended(self, step, state, reason, seconds):
        pass
