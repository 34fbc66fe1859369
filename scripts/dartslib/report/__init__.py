"""The page that shows runs: what of them is read, and how it becomes one HTML file."""
