"""A random walk over everything that can happen, in parts: what it believes, and what may happen next."""
