"""What a study leaves for others: karpathy's table, JSON, the numbers of its use of clusters."""
