"""From order to report: router, lanes, paper venue."""
