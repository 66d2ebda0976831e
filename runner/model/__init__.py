"""GROUND. The nouns: typed, frozen, in AWS's words. Names and ARNs, errors, State. Touches no machine."""
