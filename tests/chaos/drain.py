"""Whether a queue that drains still makes progress. Pure: `now` is an argument, in seconds.

Jobs that end are progress, and so are runs by the upstream: Tidegate runs a row of failing jobs one a second, in turn,
so that many poisonous jobs have run for minutes before the first of them is dead. Runs are progress only as long as
max_attempts explains them: jobs that run for ever do not drain.
"""
HANGS_S = 120   # without progress
_RUNS_MAX = 12  # of each waiting job: twice max_attempts, for attempts that a kill interrupts and for deferrals


class Progress:
    def __init__(self, now):
        self._since = now
        self._least = self._most = self._runs_max = None

    def note(self, left, runs, now):
        """`left`: jobs that wait; `runs`: by the upstream so far."""
        if self._least is None:
            self._least, self._most, self._runs_max = left, runs, runs + left * _RUNS_MAX
        elif left < self._least or self._most < runs <= self._runs_max:
            self._least, self._most = min(left, self._least), max(runs, self._most)
        else:
            return
        self._since = now

    def hangs(self, now):
        return now - self._since > HANGS_S
