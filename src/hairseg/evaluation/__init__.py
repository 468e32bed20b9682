"""How accurate a model is, by one protocol: every number that the README or a card shows is printed here."""
