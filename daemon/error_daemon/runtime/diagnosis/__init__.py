"""`error-cli diagnose`: how the daemon and its host are, area by area (B14).

One file, and one function, for each area. What it judges comes in as values; what has to be read (files, the kernel, a bus) is read by a
function beside it. Nothing here changes anything, or raises an alarm: it tells who asks.

    diagnosis.py   asks every area, and lets none keep the others from answering
    sources.py     the areas of a daemon, with what each looks at
    outside.py     what can be seen of a daemon that does not answer
    bundle.py      all of that in one file, without secrets
"""
