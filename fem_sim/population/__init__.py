"""Virtual short-axis hearts of every kind: what they are drawn from."""
