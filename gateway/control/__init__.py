"""HTTP for operators: health, statistics, metrics, draining; as Jigasi has it where it does."""
