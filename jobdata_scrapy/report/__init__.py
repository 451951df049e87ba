"""The report of a run: what is counted (tally), how the run is judged (judge), and what the operator is shown."""
