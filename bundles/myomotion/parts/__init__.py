"""What only configurations call, for each bundle and for both."""
