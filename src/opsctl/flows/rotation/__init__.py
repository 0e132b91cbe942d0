"""Rotating a secret: plan, create, set, test, deliver, finish, retire; each step can be repeated."""
