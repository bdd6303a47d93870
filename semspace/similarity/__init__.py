"""What a space answers: similarities, nearest points, analogies."""
