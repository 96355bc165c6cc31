"""What MONAI asks of a bundle's metadata, and what it only describes and ours must have."""

from __future__ import annotations

TENSOR = {
    "type": "object",
    "required": [
        "type",
        "format",
        "num_channels",
        "spatial_shape",
        "dtype",
        "value_range",
        "is_patch_data",
        "channel_def",
    ],
    "properties": {
        "num_channels": {"type": "integer", "minimum": 1},
        "spatial_shape": {"type": "array", "items": {"type": ["integer", "string"]}},
        "dtype": {"const": "float32"},
        "value_range": {"type": "array", "items": {"type": "number"}},
        "is_patch_data": {"type": "boolean"},
        "channel_def": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
TEXT = {"type": "string", "minLength": 1}
VERSION = {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"}
DESCRIBED = ("data_source", "data_type", "image_classes", "label_classes", "pred_classes")
# What MONAI's metadata schema of 2024-07-25, the newest for bundles with a network, requires or
# names with its type, and more; the schema itself is only on the network. The one of 2025-03-21 is
# for entries that lead to bundles on a hub.
SCHEMA = {
    "type": "object",
    "required": [
        "schema",
        "version",
        "changelog",
        "monai_version",
        "pytorch_version",
        "numpy_version",
        "required_packages_version",
        "name",
        "task",
        "description",
        "authors",
        "copyright",
        "network_data_format",
        *DESCRIBED,
        "eval_metrics",
        "intended_use",
        "references",
        "supported_apps",
    ],
    "properties": {
        **dict.fromkeys(DESCRIBED, TEXT),
        "intended_use": {"type": "string", "pattern": "^Research use only.*No medical device"},
        "references": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "pattern": r"\d{4}\. https://doi\.org/10\.\S+$"},
        },
        "eval_metrics": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "number"},
        },
        "supported_apps": {"type": "object", "minProperties": 1, "additionalProperties": VERSION},
        **dict.fromkeys(("name", "task", "description", "authors", "copyright"), TEXT),
        **dict.fromkeys(("version", "monai_version", "pytorch_version", "numpy_version"), VERSION),
        "schema": {"type": "string", "pattern": r"meta_schema_20240725\.json$"},
        "changelog": {"type": "object", "minProperties": 1},
        "required_packages_version": {"type": "object", "additionalProperties": VERSION},
        "network_data_format": {
            "type": "object",
            "required": ["inputs", "outputs"],
            "properties": {
                "inputs": {"required": ["image"], "properties": {"image": TENSOR}},
                "outputs": {"required": ["pred"], "properties": {"pred": TENSOR}},
            },
        },
    },
}
