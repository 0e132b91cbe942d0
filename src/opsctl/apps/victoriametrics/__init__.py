"""VictoriaMetrics and vmalert: what is measured, and what somebody is told of it."""
