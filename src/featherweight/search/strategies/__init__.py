"""Who proposes the next architecture: samplers of Optuna."""
