"""What every room stands on and that knows none of them: memory."""
