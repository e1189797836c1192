"""The daemon's log: lines made on the loop, written elsewhere. docs/logging.md is what operators read."""
