"""Commands for developers and studies: evaluation, comparison, data preparation."""
