"""Desired against observed: the steps that close the gap, each with its causes. Pure."""
