"""What tests share: classes of submissions, attacks, mutants, rules for notebooks, a browser."""
