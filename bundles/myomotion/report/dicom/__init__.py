"""Results as DICOM objects beside the images that they were made from."""
