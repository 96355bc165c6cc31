"""What goes wrong at users' desks: it is tried, nothing of theirs is lost, and lights tell it."""
