"""What goes wrong at users' desks: it is tried, and nothing of theirs is lost."""
