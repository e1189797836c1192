"""What the daemon notices of the host by itself: pressure, kernel log, file systems, links, clock, counters.

One file a sensor. A sensor reads the host and tells its desk what it saw; the desk makes faults of it (desk.py), which go through the same
intake as everybody's. Sensors decide nothing, and where one cannot see (no such hardware, no right to look) it says so once and is quiet.

    contract.py      what a sensor is, what it tells            bands.py, bursts.py     pure: when a state is entered, left, told again
    desk.py          sightings → faults, with their targets     subjects.py             which target a process, unit or group belongs to
    assembly.py      all of them, as the settings say           samples.py, sampler.py  what must be sampled, every 100 ms
"""
