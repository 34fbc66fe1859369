"""The parts of scripts/gpu_check.py: it needs Python's standard library and nothing else."""
