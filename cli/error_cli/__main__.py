"""`python -m error_cli` is `error-cli`."""

from error_cli.main import main

main()
