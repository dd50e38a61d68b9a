"""The dashboard: views of folds over one SSE stream."""
