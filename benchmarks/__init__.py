"""Measurements of speed and quality: ``make bench``."""
