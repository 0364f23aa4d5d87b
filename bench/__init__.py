"""What is measured, against the raw limit of the database, in one run: machines are noisy, ratios less so."""
