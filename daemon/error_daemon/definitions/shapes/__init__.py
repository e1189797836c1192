"""What may be written: the models of entries and of single values. The JSON Schema and the tables of docs/definitions.md come from here."""
