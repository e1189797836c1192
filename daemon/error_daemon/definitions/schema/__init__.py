"""JSON Schema: the one that is made from our models, and any that an organisation gives."""
