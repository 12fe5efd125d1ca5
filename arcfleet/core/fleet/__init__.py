"""What a fleet's files say: models, rules, and where every value of a site comes from."""
