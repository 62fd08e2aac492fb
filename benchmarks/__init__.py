"""What things cost, mostly as ratios within one run, and studies of what helps."""
