"""What is wrong with the installation: one module for each thing that is looked at."""
