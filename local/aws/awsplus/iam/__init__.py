"""Who calls, and what may they: accounts, organizations, roles and policies."""
