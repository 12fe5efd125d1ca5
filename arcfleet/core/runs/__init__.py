"""A run over a fleet's waves: what comes next, what people say to it, how each site ended."""
