"""Training for its own sake: that a stack learns, stops, goes on, and hands over what it learnt."""
