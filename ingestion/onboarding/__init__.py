"""Takes a hospital aboard by YAML alone: profiles files, drafts a mapping, and says what a mapping would do."""
