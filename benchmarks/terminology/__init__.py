"""Speed and coverage of bringing codes and laboratory values to concepts."""
