"""Engines that run the work on shards: this process, or a cluster; a thin adapter each."""
