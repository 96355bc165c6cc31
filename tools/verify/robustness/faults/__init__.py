"""Every fault that was found at users' desks, made again: right, refused or said, never silent."""
