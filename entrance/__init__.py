"""Who may come in: log-in, the second factor, accounts and roles. Below every door, above no rule of deletion."""
