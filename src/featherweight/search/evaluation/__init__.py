"""How good an architecture is: trained, shared, predicted; and how fast it runs."""
