"""Workflows (D6): people are led through what no strategy can do, and the daemon looks whether it was done.

steering.py   what people do to runs, and what they are shown
book.py       the runs, in memory and in the record
rows.py       runs and their events as rows
sight.py      what the probe of a step sees
guided.py     recovery attempts that wait for a run (strategies of kind guided)
"""
