"""policy: what it is worth that strategies are learned. The real engine on a simulated host, beside others that choose otherwise.

    world.py      what is true: strategies with their rates, times and side effects; the incidents, and how each attempt would end
    host.py       the host on a virtual clock: carries out what the engine asks for, and accounts for each incident
    policies.py   the ways to choose, all of them on the real engine
    oracles.py    who knows the rates
    expected.py   what the learned choice comes to without luck, from the true rates
    measure.py    scenarios × policies × seeds, and what is said of them
    plot.py       one picture of it

How near the oracle anybody could come, on the ladder alone:

    told.py       a learner that is told how the world was made
    gittins.py    how it best explores
    alone.py      the ladder without the engine around it
    bound.py      learners × scenarios × seeds

docs/performance.md says what came out.
"""
