"""Where the pure and the edges meet: look, plan, deploy, status, why, and the verbs of day and night."""
