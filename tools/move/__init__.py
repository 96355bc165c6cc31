"""Moving what lies in the heart along with its tracked motion."""
