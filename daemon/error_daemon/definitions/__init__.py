"""What operators write: recovery.conf and the definitions, read, checked, and built into values.

    files/      the definitions as they were written, with places        shapes/   what may be written
    checks/     are they whole and consistent? (keeps from starting)     meaning/  do they say what was meant?
    host/       does this host have what they name?                      schema/   JSON Schema, ours and others'
    commands/   what a command really runs                               secrets/  which there are, and how none is printed

loader.py makes model.Definitions of them, examine.py says everything that can be said of them before they are in force, difference.py
compares two; configuration.py reads recovery.conf.
"""
