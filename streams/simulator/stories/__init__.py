"""Stories with a moment of truth in them, or nearly: one file each, none of them knows a detector."""
