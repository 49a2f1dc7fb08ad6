"""Recorded answers of AWS, replayed against the simulated AWS."""
