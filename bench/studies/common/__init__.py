"""What several studies use: measuring a process, the machine, plots."""
