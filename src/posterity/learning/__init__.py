"""Learning from posters: splits that do not leak, models of genres and box office, experiments, and what they show."""
