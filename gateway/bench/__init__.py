"""The benchmark: real calls for a media engine on one core, beside what no engine can save."""
