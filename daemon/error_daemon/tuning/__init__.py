"""What a host is tuned to, so that recoveries are never short of anything: what is there, what is proposed, and the way there and back."""
