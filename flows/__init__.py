"""Prefect flows: they order tasks, fan out, and decide a run's final state. Nothing else."""

from flows import words

words.install()
