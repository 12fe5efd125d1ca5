"""The embedded Prefect server, and processes that end with the command that started them."""
