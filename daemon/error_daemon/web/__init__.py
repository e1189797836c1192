"""HTTP: what is served on 8089. Receivers of others' messages come in as exchange.Route."""
