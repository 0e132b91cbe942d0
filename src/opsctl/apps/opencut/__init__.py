"""OpenCut classic, a video editor in the browser, and serverless-redis-http, by which it reaches Redis."""
