"""From displacement to numbers: strain, quality, plausibility, summary."""
