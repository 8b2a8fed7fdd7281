"""Faults of files, disks and timing: kills, full disks, vanishing files, odd names, damaged pictures, rivals."""
