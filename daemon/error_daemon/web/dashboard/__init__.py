"""The dashboard: one page at `/`, and the files that it is made of. What it shows it asks of the REST API, as anybody could."""
