"""The HTTP API: only translates between HTTP and `billing`; keeps nothing, headless (docs/HTTP.md). Extra `tournee[web]`."""
