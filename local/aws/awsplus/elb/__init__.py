"""Load balancers, as far as machines are their targets."""
