"""What `python -m tournee_protocol.generate` is made of: walk the construct definitions, write code, tables and vectors."""
