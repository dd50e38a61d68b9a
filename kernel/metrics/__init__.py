"""What Prometheus is told: the catalogue of names, and collectors that read the folds when they are asked."""
